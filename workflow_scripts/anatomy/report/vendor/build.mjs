// Bundles the libraries into ../assets/lib.js and gathers their licences; `make vendor` calls it.
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "assets");
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["entry.js"],
  outfile: join(assets, "lib.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "ascii",
  legalComments: "none",
  banner: { js: "/* Libraries of the explorer; their licences are in LICENSES.txt. */" },
  metafile: true,
});

// The packages that are in the bundle, by the paths of the files that went into it.
const packages = new Set();
for (const path of Object.keys(metafile.inputs)) {
  const name = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/);
  if (name) packages.add(name[1]);
}

const parts = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} brings no licence text`);
  const text = readFileSync(join(folder, file), "utf8").replace(/\r\n/g, "\n").trim();
  return `${name} ${version} (${license})\n${"=".repeat(72)}\n\n${text}\n`;
});
const head = "lib.js is a bundle of these packages.\n";
writeFileSync(join(assets, "LICENSES.txt"), [head, ...parts].join("\n\n"));
