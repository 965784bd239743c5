"use strict";
// The search syntax, sorting, and rows as CSV. Predictable: substrings and comparisons, no ranking.

const FIELD_WORDS = { err: "error", cos: "cosine", lift: "error_lift", gain: "ablation_gain" };
const STATES = ["novel", "unlike", "dead", "dense", "explained", "meta"];
const TERM = /(-?)(?:([A-Za-z_]\w*)(:|<=|>=|<|>|=))?("(?:[^"\\]|\\.)*"?|[^\s"]+)/sy;

/** A text as one term of a search. */
function quotedTerm(text) {
  return `"${inAddress(text).replace(/["\\]/g, "\\$&")}"`;
}

/** The terms of a query and what is wrong with it; `run` is what is searched: latents, or the table of SAEs. */
function useTerms(query, run) {
  return useMemo(() => {
    try {
      return { terms: parseQuery(query, run) };
    } catch (error) {
      return { terms: [], error };
    }
  }, [query, run]);
}

/** The terms of a query, or a DataError that says what cannot be read. */
function parseQuery(text, run) {
  const terms = [];
  for (let at = 0; ; ) {
    at += text.slice(at).match(/^\s*/)[0].length;
    if (at >= text.length) return terms;
    TERM.lastIndex = at;
    const found = TERM.exec(text);
    if (!found) throw new DataError(`The search stops making sense at “${text.slice(at)}”.`);
    at = TERM.lastIndex;
    const [, minus, field, op, raw] = found;
    const quoted = raw.match(/^"((?:[^"\\]|\\.)*)"?$/s);
    const value = quoted ? quoted[1].replace(/\\(.)/gs, "$1") : raw;
    terms.push({ negated: minus === "-", ...term(field, op, value, run) });
  }
}

function term(field, op, value, run) {
  const wanted = value.toLowerCase();
  if (!field) {
    const jump = value.match(/^(?:(.+)\/|#)(\d+)$/);
    if (jump && (!jump[1] || run.saes.some((sae) => sae.sae === jump[1]))) {
      return { kind: "jump", sae: jump[1] ?? null, latent: Number(jump[2]) };
    }
    return { kind: "name", wanted };
  }
  const name = field.toLowerCase();
  if (op === ":" && ["sae", "site", "arch", "model"].includes(name)) {
    const key = name === "arch" ? "architecture" : name;
    const values = run.saes.map((sae) => inAddress(String(sae[key])).toLowerCase());
    // A whole name is that one; anything else is a part of names.
    const whole = values.includes(wanted);
    return { kind: "sae", match: values.map((own) => (whole ? own === wanted : own.includes(wanted))) };
  }
  if (op === ":" && name === "tok" && !run.ofSaes) return { kind: "name", wanted };
  if (op === ":" && name === "is" && !run.ofSaes) {
    if (wanted === "novel" && !run.about.has("novel")) {
      throw new DataError("This run stitches no SAEs, which says what is novel; a cosine does: cos<0.7.");
    }
    if (wanted === "unlike" && !hasUnlike(run)) {
      throw new DataError("This run has no threshold of what is alike; a cosine does: cos<0.7.");
    }
    if (STATES.includes(wanted)) return { kind: "state", state: wanted };
    throw new DataError(`No state is called “${value}”; there are ${STATES.join(", ")}.`);
  }
  const key = columnNamed(name, run);
  return { kind: "number", key, ...bounds(op, value) };
}

function columnNamed(name, run) {
  const keys = [...run.about.keys()];
  const wanted = FIELD_WORDS[name] ?? name;
  const shown = run.shown.map((about) => about.key);
  const starts = shown.filter((key) => key.startsWith(wanted));
  if (keys.includes(wanted)) return wanted;
  if (starts.length === 1) return starts[0];
  const fields = ["sae", "site", "model", "arch", ...(run.ofSaes ? [] : ["tok", "is"]), ...shown].join(", ");
  throw new DataError(`No field is called “${name}”; there are ${fields}.`);
}

function bounds(op, value) {
  const number = (text) => {
    const share = text.endsWith("%");
    const found = Number(share ? text.slice(0, -1) : text);
    if (text === "" || Number.isNaN(found)) throw new DataError(`“${value}” is no number.`);
    return share ? found / 100 : found;
  };
  const range = value.split("..");
  if (range.length === 2) {
    return {
      low: range[0] === "" ? -Infinity : number(range[0]),
      high: range[1] === "" ? Infinity : number(range[1]),
    };
  }
  const at = number(value);
  if (op === "<") return { low: -Infinity, high: at, open: true };
  if (op === "<=") return { low: -Infinity, high: at };
  if (op === ">") return { low: at, high: Infinity, open: true };
  if (op === ">=") return { low: at, high: Infinity };
  return { low: at, high: at };
}

function predicate(one, run) {
  const { rowSae, rowLatent, lowerNames, saes } = run;
  const density = run.columns.get("density");
  switch (one.kind) {
    case "name":
      return (row) => lowerNames[row].includes(one.wanted);
    case "jump":
      return (row) =>
        rowLatent[row] === one.latent && (!one.sae || saes[rowSae[row]].sae === one.sae);
    case "sae":
      return (row) => one.match[rowSae[row]];
    case "number": {
      const values = run.columns.get(one.key);
      // Columns are of single precision; a typed 0.3 means theirs.
      const low = Math.fround(one.low);
      const high = Math.fround(one.high);
      // Of what was not measured nothing is true but that it is not inside.
      if (one.open) return (row) => values[row] > low && values[row] < high;
      return (row) => values[row] >= low && values[row] <= high;
    }
    default:
      return {
        dead: (row) => density[row] === 0,
        dense: (row) => density[row] > 0.1,
        novel: (row) => run.value("novel", row) === 1,
        unlike: (row) => isUnlike(run, row),
        explained: (row) => !Number.isNaN(run.value("score", row)),
        meta: (row) => Boolean(saes[rowSae[row]].meta),
      }[one.state];
  }
}

function hasUnlike(run) {
  return !missing(run.settings?.novel_below);
}

/** Whether no latent of another SAE of the site, of whatever size or seed, is nearer than the run's own threshold. */
function isUnlike(run, row) {
  return run.value("density", row) > 0 && run.value("cosine", row) < run.settings.novel_below;
}

function columnsOfQuery(terms) {
  return terms.map((one) => (one.state === "novel" ? "novel" : one.key)).filter(Boolean);
}

/** The rows that all terms hold for. Their columns are in the run. */
function filterRows(run, terms, meta) {
  const tests = terms.map((one) => [predicate(one, run), one.negated]);
  const isMeta = run.saes.map((sae) => Boolean(sae.meta));
  const rows = new Uint32Array(run.size);
  let count = 0;
  rows: for (let row = 0; row < run.size; row++) {
    if (meta !== undefined && isMeta[run.rowSae[row]] !== meta) continue;
    for (const [test, negated] of tests) if (test(row) === negated) continue rows;
    rows[count++] = row;
  }
  return rows.slice(0, count);
}

/** "-error,density" as [[key, descending], …]. */
function parseSort(text) {
  const parts = (text || "").split(",").filter((part) => part);
  return parts.map((part) => [part.replace(/^-/, ""), part.startsWith("-")]);
}

/** Another sort after a click on a column's head; with `add` it becomes the second. */
function clickSort(text, key, startsDescending, add) {
  const old = parseSort(text);
  const [first] = old;
  const known = old.find(([name]) => name === key);
  const mine = [key, known ? !known[1] : startsDescending];
  const parts = add && first && first[0] !== key ? [first, mine] : [mine];
  return parts.map(([name, down]) => (down ? `-${name}` : name)).join(",");
}

const LAST = 0xffffffff; // the rank of what has no value: last both ways

/** Whole numbers in the order of a column's values, a row each; the greatest for what has none. */
function ranks(run, key) {
  const values = run.columns.get(key);
  if (key === "sae") return run.rowSae;
  if (key === "latent") return run.rowLatent;
  if (key === "name") return (run.nameRanks ??= rankNames(run.lowerNames));
  // The bits of a positive float are in its order; those of a negative one run backwards.
  const bits = new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  return bits.map((bit, row) => {
    if (Number.isNaN(values[row]) || (key === "density" && !values[row])) return LAST;
    return bit & 0x80000000 ? ~bit : bit | 0x80000000;
  });
}

function rankNames(names) {
  const order = Uint32Array.from(names.keys()).sort((a, b) => compareValues(names[a], names[b], 1));
  const rank = new Uint32Array(names.length);
  let last = 0;
  order.forEach((row, i) => {
    if (i && names[row] !== names[order[i - 1]]) last = i;
    rank[row] = names[row] ? last : LAST;
  });
  return rank;
}

/** Rows in the order of a sort; ties are by SAE and latent. */
function sortRows(run, rows, sort) {
  const known = (key) => ["sae", "latent", "name"].includes(key) || run.columns.has(key);
  // The last key first: each pass keeps the order of the one before where it has no opinion.
  for (const [key, down] of parseSort(sort).filter(([key]) => known(key)).reverse()) {
    const rank = ranks(run, key);
    const places = 2 ** Math.ceil(Math.log2(rows.length + 1));
    const packed = Float64Array.from(rows, (row, i) => {
      const at = down && rank[row] !== LAST ? LAST - 1 - rank[row] : rank[row];
      return at * places + i;
    }).sort();
    const before = rows;
    rows = Uint32Array.from(packed, (value) => before[value % places]);
  }
  return rows;
}

function compareValues(x, y, sign) {
  if (x < y) return -sign;
  if (x > y) return sign;
  if (x === y) return 0;
  return (missing(x) ? 1 : 0) - (missing(y) ? 1 : 0);
}

function missing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

/** A cell that no spreadsheet takes for a formula. */
function csvCell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(run, rows, keys) {
  const head = ["model", "site", "sae", "latent", "name", ...keys];
  const lines = Array.from(rows, (row) => {
    const { model, site, sae } = run.saes[run.rowSae[row]];
    const values = keys.map((key) => run.value(key, row));
    return [model, site, sae, run.rowLatent[row], run.names[row], ...values];
  });
  return [head, ...lines].map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
}
