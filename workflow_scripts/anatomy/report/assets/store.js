"use strict";
// The data: files of the folder data/, each of which hands over its columns by one call of `anatomy`.
// A page opened from a disk may load scripts, and nothing else.

const DTYPES = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
};
const BLOCK = 512; // latents in a block
const BLOCKS_KEPT = 8;

/** What is wrong with the data, in a sentence for the reader. */
class DataError extends Error {}

const delivered = new Map();
/** What every file of data calls: its key, its header, its columns (base64 of zlib). */
function anatomy(key, header, payload) {
  delivered.set(key, { header, payload });
}

function checkedPath(path) {
  if (!/^data\/[A-Za-z0-9._/-]+\.js$/.test(path) || path.includes("..")) {
    throw new DataError("A name of a file of data leads out of the folder of the data.");
  }
  return path;
}

const policy = globalThis.trustedTypes?.createPolicy("anatomy", { createScriptURL: checkedPath });

function runScript(path) {
  const script = document.createElement("script");
  script.src = policy ? policy.createScriptURL(path) : checkedPath(path);
  return new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () =>
      reject(new DataError(`${path} is missing: copy or unpack the whole folder of the report.`));
    document.head.append(script);
  }).finally(() => script.remove());
}

async function inflate(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Typed arrays over a buffer, each column padded to 8 bytes. */
function columnsOf(spec, buffer) {
  const columns = new Map();
  let offset = 0;
  for (const [name, [dtype, length]] of Object.entries(spec)) {
    const Type = DTYPES[dtype];
    columns.set(name, new Type(buffer, offset, length));
    offset += Math.ceil((length * Type.BYTES_PER_ELEMENT) / 8) * 8;
  }
  return columns;
}

let runDigest = null;

async function read(path, key) {
  await runScript(path);
  const found = delivered.get(key);
  delivered.delete(key);
  const damaged = `${path} is damaged or not whole: copy the folder of the report anew.`;
  if (!found?.header?.digest) throw new DataError(damaged);
  const { header, payload } = found;
  runDigest ??= header.digest;
  if (header.digest !== runDigest) {
    throw new DataError(`${path} belongs to another run or another version of this one.`);
  }
  try {
    const spec = header.columns ?? {};
    const columns = payload ? columnsOf(spec, await inflate(payload)) : new Map();
    return { header, columns, get: (name) => columns.get(name) };
  } catch {
    throw new DataError(damaged);
  }
}

const shards = new Map();
/** The shard of a file, read once; of blocks of latents the last few stay in memory. */
function shard(path, key) {
  const kept = shards.get(path) ?? read(path, key);
  shards.delete(path);
  shards.set(path, kept);
  const blocks = [...shards.keys()].filter((name) => /\/lat-\d+\.js$/.test(name));
  for (const name of blocks.slice(0, -BLOCKS_KEPT)) shards.delete(name);
  return kept;
}

/** The strings of a column of text: UTF-8 bytes and the offsets of each. */
function strings(table, name) {
  const bytes = table.get(`${name}_bytes`);
  const offsets = table.get(`${name}_offsets`);
  const decoder = new TextDecoder();
  return Array.from({ length: offsets.length - 1 }, (_, i) =>
    decoder.decode(bytes.subarray(offsets[i], offsets[i + 1])),
  );
}

/** The rows of a table whose first column has a value, as objects; columns are `<prefix><name>`. */
function rowsWith(table, value, names, prefix = "") {
  const columns = names.map((name) => [name, table.get(prefix + name) ?? []]);
  const first = columns[0][1];
  const places = Array.from(first.keys()).filter((i) => first[i] === value);
  return places.map((i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
}

/** The run: what it is, its SAEs, and the index of all their latents. */
async function openRun() {
  if (!globalThis.DecompressionStream) {
    throw new DataError(
      "This browser is too old to unpack the data: Chrome 80, Firefox 113 and Safari 16.4 can.",
    );
  }
  const run = (await shard("data/run.js", "run")).header;
  if (run.format !== 1) {
    throw new DataError("The data are of another version of this page: copy the whole folder anew.");
  }
  const [saes, core, names] = await Promise.all([
    shard("data/saes.js", "saes"),
    shard("data/index-core.js", "index-core"),
    shard("data/names.js", "names"),
  ]);
  return new Run(run, saes.header.saes, core, strings(names, "names"));
}

class Run {
  constructor(header, saes, core, names) {
    this.header = header;
    const { name, text, findings, main, doors, settings, harvest } = header;
    Object.assign(this, { name, text, findings, main, doors, settings, harvest });
    this.saes = saes;
    this.names = names;
    this.lowerNames = names.map((name) => name.toLowerCase());
    this.rowSae = core.get("sae");
    this.rowLatent = core.get("latent");
    this.size = this.rowSae.length;
    this.columns = new Map(["density", "error", "score", "cosine"].map((k) => [k, core.get(k)]));
    // Digits of a column are those after the point; a share is shown in percent.
    const columns = header.columns.map((column) => {
      return { ...column, places: Math.max(0, column.digits - (column.unit === "share" ? 2 : 0)) };
    });
    this.about = new Map(columns.map((column) => [column.key, column]));
    this.quantities = header.quantities ?? [];
    this.shown = columns.filter(({ key }) => !/_(lo|hi)$/.test(key)); // without ends of intervals
    this.first = new Map(); // SAE -> its first row
    for (let row = this.size - 1; row >= 0; row--) this.first.set(this.rowSae[row], row);
    this.models = new Map(header.models.map((model) => [model.name, model]));
  }

  /** The values of a column in the order of the index, once `columns` has them. */
  async need(keys) {
    const missing = keys.filter((key) => !this.columns.has(key) && this.about.has(key));
    await Promise.all(
      missing.map(async (key) => {
        const table = await shard(`data/index-${key}.js`, `index-${key}`);
        this.columns.set(key, table.get("value"));
      }),
    );
  }

  quantityOf(key) {
    return this.quantities.find((about) => about.key === key);
  }

  value(key, row) {
    return this.columns.get(key)?.[row] ?? NaN;
  }

  /** The row of a latent, or -1. */
  row(sae, latent) {
    const first = this.first.get(sae);
    if (first === undefined) return -1;
    for (let row = first + latent; row >= first && row >= 0; row--) {
      if (this.rowSae[row] === sae && this.rowLatent[row] === latent) return row;
      if (this.rowSae[row] === sae && this.rowLatent[row] < latent) break;
    }
    return -1;
  }

  /** The number of an SAE that a link names by site and name, or -1. */
  saeNumber(site, name, model) {
    const is = (own, asked) => !asked || own === asked || inAddress(own) === asked;
    return this.saes.findIndex((sae) => is(sae.site, site) && is(sae.sae, name) && is(sae.model, model));
  }

  block(sae, latent) {
    const k = Math.floor(latent / BLOCK);
    const { slug } = this.saes[sae];
    return shard(`data/${slug}/lat-${k}.js`, `lat:${slug}:${k}`);
  }

  /** The number of the meta-SAE that takes an SAE apart, or -1. */
  metaOf(sae) {
    return this.saes.findIndex((about) => about.meta && about.apart === sae);
  }

  /** Of a meta-SAE: which of its meta-latents each latent has, and what is near them. */
  parts(meta) {
    const { slug } = this.saes[meta];
    return shard(`data/${slug}/parts.js`, `parts:${slug}`);
  }

  /** How much of each token an SAE misses: contexts, and levels of error. */
  errors(sae) {
    const { slug } = this.saes[sae];
    return shard(`data/${slug}/errors.js`, `errors:${slug}`);
  }

  samples(sae) {
    const { slug } = this.saes[sae];
    return shard(`data/${slug}/samples.js`, `samples:${slug}`);
  }

  /** The words of a model: its vocabulary and the text that was looked at. */
  async words(name) {
    const { slug } = this.models.get(name);
    const [vocab, tokens] = await Promise.all([
      shard(`data/${slug}/vocab.js`, `vocab:${slug}`),
      shard(`data/${slug}/tokens.js`, `tokens:${slug}`),
    ]);
    return new ModelText(vocab, tokens);
  }

  /** What stitching says of a latent, once for each SAE that its own was stitched with. */
  async stitched(sae, latent) {
    const table = await shard("data/stitched.js", "stitched");
    const rows = rowsWith(table, latent, ["latent", ...table.columns.keys()]).filter((row) => row.sae === sae);
    return rows.map((row) => ({ ...row, group: table.header.groups[row.group] }));
  }

  claims() {
    return shard("data/claims.js", "claims").then((table) => table.header.claims);
  }
}
