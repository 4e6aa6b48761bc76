// Bundles the pinned packages into the modules that the page imports, with their licences. Run by `make vendor`.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const bundles = {
  preact: `
    import { h, render, createContext, Fragment } from "preact";
    import { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useReducer, useId }
      from "preact/hooks";
    import htm from "htm";
    export const html = htm.bind(h);
    export { h, render, createContext, Fragment, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback,
      useContext, useReducer, useId };`,
  uplot: `export { default } from "uplot";`,
  force: `export { forceSimulation, forceLink, forceManyBody, forceCenter, forceCollide, forceX, forceY } from "d3-force";`,
};

for (const [name, contents] of Object.entries(bundles)) {
  await build({
    stdin: { contents, resolveDir: "." },
    outfile: `${name}.js`, bundle: true, minify: true, format: "esm", target: "es2022", legalComments: "inline",
  });
}
copyFileSync("node_modules/uplot/dist/uPlot.min.css", "uplot.css");

const shipped = ["preact", "htm", "uplot", "d3-force", "d3-dispatch", "d3-quadtree", "d3-timer"];
const licences = shipped.map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
});
writeFileSync("LICENSES.txt", licences.join(`\n${"-".repeat(80)}\n\n`));

const files = [...Object.keys(bundles).map((name) => `${name}.js`), "uplot.css"].sort();
const sums = files.map((name) => `${createHash("sha256").update(readFileSync(name)).digest("hex")}  ${name}\n`);
writeFileSync("SHA256SUMS", sums.join(""));
