// What the page knows of its server, loaded once: GET /v3/server.
import { createContext, useContext } from "../vendor/preact.js";

export const ServerContext = createContext({});
export const useServer = () => useContext(ServerContext);
