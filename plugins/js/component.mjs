// Components in Node: JavaScript to component (componentize-qjs), component to ES module (jco's transpiler).
// Nothing here knows a rule or a case file.
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import v8 from "node:v8";

// QuickJS uses two additions to WebAssembly that older Nodes know only behind a switch: constant expressions that add
// (default since Node 21) and tail calls (since Node 20). Each as the smallest module that uses it.
const ADDITIONS = [
  { flag: "--experimental-wasm-extended-const", module: [6, 9, 1, 127, 0, 65, 1, 65, 1, 106, 11] },
  { flag: "--experimental-wasm-return-call", module: [1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 6, 1, 4, 0, 18, 0, 11] },
];
for (const { flag, module } of ADDITIONS) {
  if (!WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...module]))) {
    v8.setFlagsFromString(flag);
  }
}
const { componentize } = await import("componentize-qjs");
const { transpileBytes } = await import("@bytecodealliance/jco-transpile");

/**
 * Builds the rule in `folder` (rule.js, world.wit) against the contract in `wit`; writes the component to `file`. The
 * interpreter asks for WASI, which it never calls for a rule: `sopwith plugin seal` closes it.
 */
export async function build(folder, wit, file, sopwith) {
  const world = path.join(path.dirname(file), "wit", path.basename(folder));
  await cp(path.join(folder, "world.wit"), path.join(world, "world.wit"));
  await cp(wit, path.join(world, "deps", "plugin"), { recursive: true });
  const jsPath = path.join(folder, "rule.js");
  const jsSource = await readFile(jsPath, "utf8");
  // Synchronous, as the contract is.
  const { component } = await componentize({ witPath: world, jsSource, jsPath, sync: true });
  const open = `${file.slice(0, -".wasm".length)}.open.wasm`;
  await writeFile(open, component);
  execFileSync(sopwith, ["plugin", "seal", open, "--out", file], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Transpiles a component into ES modules under `folder`; gives a function that makes a fresh instance of it. */
export async function transpile(file, folder) {
  const name = path.basename(file, ".wasm");
  const { files, imports } = await transpileBytes(await readFile(file), { name, instantiation: "async", wasiShim: false });
  for (const [part, bytes] of Object.entries(files)) {
    const target = path.join(folder, part);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
  await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
  const { instantiate } = await import(pathToFileURL(path.join(folder, `${name}.js`)));
  const compiled = new Map();
  const core = async (part) => {
    if (!compiled.has(part)) {
      compiled.set(part, await WebAssembly.compile(await readFile(path.join(folder, part))));
    }
    return compiled.get(part);
  };
  return { name, imports, instantiate: (host) => instantiate(core, host) };
}
