// Case files of rules, run against a component: one fresh instance for each case, expectations exact.
// The same files run natively in the plugin's own tests and in the sandbox.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";

/** JSON Merge Patch, RFC 7396. */
export function merge(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) {
    return patch;
  }
  const merged = target !== null && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[name];
    } else {
      merged[name] = merge(merged[name], value);
    }
  }
  return merged;
}

/** Runs every case of one file, or of every file in a folder; gives their number, the differences, the manifest. */
export async function run(component, from) {
  const files = from.endsWith(".json") ? [from] : (await readdir(from)).filter((name) => name.endsWith(".json")).map((name) => path.join(from, name));
  const manifest = JSON.parse((await instance(component, {})).manifest.describe());
  const outcome = { cases: 0, differences: [], manifest };
  for (const file of files.sort()) {
    const { rule, base, lookups = {}, cases } = JSON.parse(await readFile(file, "utf8"));
    const declared = manifest.rules.find(({ id }) => id === rule);
    for (const { name, input = {}, lookups: patch = {}, expect } of cases) {
      const rows = merge(lookups, patch);
      const actual = declared
        ? await call(await instance(component, rows), declared.interface, rule, merge(base, input))
        : { error: { code: "not_in_manifest" } };
      outcome.cases += 1;
      if (!isDeepStrictEqual(actual, complete(expect, actual))) {
        outcome.differences.push({ file: path.basename(file), name, expect, actual });
      }
    }
  }
  return outcome;
}

function instance(component, rows) {
  return component.instantiate({
    "sopwith:plugin/log": { write() {} },
    "sopwith:plugin/dataset": {
      lookup(dataset, key) {
        const row = Object.hasOwn(rows, dataset) && Object.hasOwn(rows[dataset], key) ? rows[dataset][key] : null;
        return row === null ? undefined : JSON.stringify(row);
      },
    },
  });
}

async function call(guest, kind, rule, input) {
  try {
    const answer = guest[kind].run(rule, JSON.stringify(input));
    return kind === "score" ? { scorecard: scorecard(answer) } : { findings: answer.map(finding) };
  } catch (thrown) {
    const error = thrown.payload ?? thrown;
    return { error: { code: error.code ?? "trap", message: String(error.message), retryable: Boolean(error.retryable) } };
  }
}

const object = (text) => (text === "" ? {} : JSON.parse(text));

function finding({ code, severity, pointer, params, weight, evidence }) {
  return { code, severity, pointer, params: object(params), weight, evidence };
}

function scorecard({ parts, marks }) {
  return { parts: parts.map(({ id, value, detail }) => ({ id, value: value ?? null, detail: object(detail) })), marks };
}

/** The expectation with what it may leave out: empty members, and of an error everything but what it names. */
function complete(expect, actual) {
  if (expect.findings) {
    return { findings: expect.findings.map((finding) => ({ pointer: "", params: {}, weight: 0, evidence: [], ...finding })) };
  }
  if (expect.scorecard) {
    const { parts, marks = [] } = expect.scorecard;
    return { scorecard: { parts: parts.map((part) => ({ value: null, detail: {}, ...part })), marks } };
  }
  return { error: { ...actual.error, ...expect.error } };
}
