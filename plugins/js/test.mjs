// Builds the rules in JavaScript, turns them and a Rust component into ES modules, and runs the case files in Node.
// `node test.mjs --sopwith FILE --components FOLDER --out FOLDER`; exits 1 when an answer is not the expected one.
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { run } from "./cases.mjs";
import { build, transpile } from "./component.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const option = { type: "string" };
const { values } = parseArgs({ options: { sopwith: option, components: option, out: option } });
const sopwith = path.resolve(values.sopwith ?? path.join(root, "target/debug/sopwith"));
const components = path.resolve(values.components ?? path.join(root, "target/plugins"));
const out = path.resolve(values.out ?? path.join(root, "target/js"));
const casesOfPresence = path.join(root, "plugins/presence/cases");
const allowed = new Set(["sopwith:plugin/log", "sopwith:plugin/dataset"]);

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const contract = path.join(root, "wit/since_v1");
await build(path.join(root, "plugins/js/clock-skew"), contract, path.join(out, "clock-skew.wasm"), sopwith);

const runs = [
  { language: "JavaScript", file: path.join(out, "clock-skew.wasm"), from: path.join(casesOfPresence, "clock_skew.json") },
  { language: "Rust", file: path.join(components, "presence.wasm"), from: casesOfPresence },
];
const manifests = [];
for (const { language, file, from } of runs) {
  const component = await transpile(file, path.join(out, path.basename(file, ".wasm")));
  const foreign = component.imports.filter((name) => !allowed.has(name));
  if (foreign.length > 0) {
    throw new Error(`${component.name} imports ${foreign.join(", ")}`);
  }
  const { cases, differences, manifest } = await run(component, from);
  for (const { file, name, expect, actual } of differences) {
    console.error(`${component.name}: ${file}: ${name}\n  expected ${JSON.stringify(expect)}\n  got      ${JSON.stringify(actual)}`);
  }
  console.log(`${cases} cases, ${differences.length} failed: ${component.name}, written in ${language}, as ES modules in Node ${process.version}`);
  if (cases === 0 || differences.length > 0) {
    process.exitCode = 1;
  }
  manifests.push(manifest);
}

// The same rule promises the same in both languages.
const [javascript, rust] = manifests.map(({ rules }) => rules.find(({ id }) => id === "clock_skew"));
for (const promise of ["interface", "title", "description", "needs", "codes"]) {
  if (!isDeepStrictEqual(javascript[promise], rust?.[promise])) {
    console.error(`clock_skew: \`${promise}\` differs between JavaScript and Rust`);
    process.exitCode = 1;
  }
}
