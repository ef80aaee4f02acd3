// Makes a component of the rule in this folder: `node build.mjs FILE SOPWITH`. How is plugins/js/component.mjs.
import { fileURLToPath } from "node:url";
import { build } from "../../../../plugins/js/component.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
await build(here("."), here("../../../../wit/since_v1"), process.argv[2], process.argv[3]);
