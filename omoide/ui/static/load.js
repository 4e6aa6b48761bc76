// Loading in components: useLoad runs a function again when its inputs change, and aborts what is not wanted any more.
import { useCallback, useEffect, useReducer, useRef, useState } from "../vendor/preact.js";

// `run(signal)` returns a promise. Answers {value, error, loading, reload}; a reload keeps the old value or error meanwhile.
export function useLoad(run, inputs) {
  const [round, reload] = useReducer((count) => count + 1, 0);
  const [state, setState] = useState({ loading: true });
  const known = useRef(null);
  useEffect(() => {
    const control = new AbortController();
    const same = known.current === JSON.stringify(inputs);
    known.current = JSON.stringify(inputs);
    setState((old) => ({ ...(same && old), loading: true }));
    run(control.signal).then(
      (value) => control.signal.aborted || setState({ value, loading: false }),
      (error) => control.signal.aborted || setState({ error, loading: false }),
    );
    return () => control.abort();
  }, [...inputs, round]);
  return { ...state, reload };
}

// The value as it was when it last stayed the same for `milliseconds`.
export function useDebounced(value, milliseconds) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

// Calls `act` every `seconds` while the tab is visible.
export function useEvery(seconds, act) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && latest.current(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}

// Calls `act` when `version` changes, but not at first.
export function useLater(version, act) {
  const first = useRef(version);
  useEffect(() => {
    if (version !== first.current) act();
    first.current = version;
  }, [version]);
}

// For buttons: {run, busy, error, done}. `act` may throw.
export function useAction(act) {
  const [state, setState] = useState({ busy: false });
  const run = useCallback(async (...values) => {
    setState({ busy: true });
    try {
      const result = await act(...values);
      setState({ busy: false, done: true });
      return result;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  });
  return { ...state, run };
}
