"use strict";
// One latent: what it fires on, over the whole range of its activation, and all that is known of it.

const STRATA = ["0–10", "10–25", "25–50", "50–75", "75–100"];
const MISSED = STRATA.length + 1;
const NUMBERS = [
  "density", "firings", "maximum", "mean_activation", "error", "linear_error_contribution",
  "nonlinear_error_contribution", "error_lift", "ablation_gain", "decoder_norm", "own_cosine", "cosine", "score", "probe",
];

/** What a block holds of one latent. */
function latentData(table, latent) {
  const local = latent % BLOCK;
  const slice = (name, width) => table.get(name)?.subarray(local * width, (local + 1) * width);
  const lengths = table.get("window_length");
  let offset = lengths.subarray(0, table.get("window_latent").indexOf(local)).reduce((sum, length) => sum + length, 0);
  const windows = rowsWith(table, local, ["latent", "stratum", "context", "start", "length", "peak"], "window_").map((one) => ({
    ...one, peak: one.start + one.peak, values: table.get("window_values").subarray(offset, (offset += one.length)),
  }));
  const n = table.get("stratum_share").length / STRATA.length;
  const [bins, side] = ["histogram", "promoted"].map((name) => (table.get(name)?.length ?? 0) / n);
  const tokens = (name) =>
    Array.from(slice(name, side) ?? [], (id, i) => ({ id, logit: slice(`${name}_logit`, side)[i] }));
  return {
    windows,
    near: nearestOf(table, local),
    shares: slice("stratum_share", STRATA.length),
    histogram: slice("histogram", bins),
    promoted: tokens("promoted"),
    suppressed: tokens("suppressed"),
    explanation: table.header.explanations?.[latent],
    logitsNote: table.header.logits_note,
  };
}

/** The best latent in each SAE, of a row of a table with `near_…`, the nearest first. */
function nearestOf(table, local) {
  return rowsWith(table, local, ["latent", "sae", "other", "cosine"], "near_").sort((a, b) => b.cosine - a.cosine);
}

/** The ends of a column's interval, where the index has them. */
function boundKeys(run, key) {
  const names = key === "error" ? [key, "error_contribution"] : [key];
  const found = names.find((name) => run.about.has(`${name}_lo`));
  return found ? [`${found}_lo`, `${found}_hi`] : [];
}

function useLatent(run, row) {
  return useData(async () => {
    const about = run.saes[run.rowSae[row]];
    const latent = run.rowLatent[row];
    const meta = run.metaOf(run.rowSae[row]);
    const [table, text, parts, stitched] = await Promise.all([
      run.block(run.rowSae[row], latent),
      run.words(about.model),
      meta < 0 ? null : run.parts(meta),
      run.stitched(run.rowSae[row], latent),
      run.need([...run.about.keys()]),
    ]);
    return { row, about, latent, text, parts, meta, stitched, ...latentData(table, latent) };
  }, [row]);
}

function Latent({ run, route }) {
  const [, site, name, number] = route.parts;
  const sae = run.saeNumber(site, name, route.query.get("model"));
  const row = sae < 0 ? -1 : run.row(sae, Number(number));
  useKeys((key) => {
    if (row < 0) return false;
    const steps = { "[": -1, "]": 1, n: 1, p: -1 };
    if (key === "x") return pin(run, row), true;
    if (!(key in steps)) return false;
    const next = "np".includes(key)
      ? run.row(sae, Number(number) + steps[key])
      : (current.rows?.[current.rows.indexOf(row) + steps[key]] ?? -1);
    if (next >= 0) go(latentAddress(run, next));
    return true;
  });
  if (row < 0) {
    return html`<${Unknown} what="No such latent in this run."
      nearest=${sae < 0 ? address(["saes"]) : address(["latents"], { q: `sae:${quotedTerm(name)}`, sort: "latent" })} />`;
  }
  return html`<${LatentBody} key=${row} run=${run} row=${row} />`;
}

function LatentBody({ run, row }) {
  const Body = run.saes[run.rowSae[row]].meta ? MetaLatent : OrdinaryLatent;
  return html`<${Body} run=${run} row=${row} />`;
}

function OrdinaryLatent({ run, row }) {
  const [data, error] = useLatent(run, row);
  const [marked, setMarked] = useState(null);
  const about = run.saes[run.rowSae[row]];
  const latent = run.rowLatent[row];
  const context = useMemo(
    () => data && html`<${Contexts} run=${run} data=${data} onMark=${setMarked} />`,
    [data],
  );
  return html`<article class="latent">
    <${LatentHead} run=${run} row=${row} about=${about} latent=${latent} />
    ${!data && html`<${Waiting} error=${error} />`}
    ${data &&
    html`<${Numbers} run=${run} row=${row} />
      <div class="columns">
        <div class="wide">${context}</div>
        <div class="slim">
          <${Histogram} run=${run} data=${data} marked=${marked} />
          <${Logits} data=${data} />
          <${Nearest} run=${run} data=${data} />
          <${Stitching} run=${run} data=${data} />
          <${Explanation} data=${data} />
          <${Provenance} run=${run} data=${data} />
        </div>
      </div>
      <${Decomposition} run=${run} data=${data} />`}
  </article>`;
}

function LatentHead({ run, row, about, latent }) {
  const number = run.rowSae[row];
  const list = about.meta ? "meta" : "latents";
  const density = run.value("density", row);
  const badges = [
    density === 0 && ["never fires", "bad"],
    density > 0.1 && ["dense: over 10 % of tokens", "warn"],
    run.value("novel", row) === 1 && ["novel: like none of a smaller SAE", "good"],
    !about.meta && hasUnlike(run) && isUnlike(run, row) && [`unlike all others: cosine below ${run.settings.novel_below}`, ""],
    about.meta && ["meta-latent", ""],
  ].filter(Boolean);
  return html`<header class="latent-head">
    <p class="crumbs">
      <a href=${address([list])}>${about.meta ? "Meta-latents" : "Latents"}</a>
      <a href=${address([list], { q: `sae:${quotedTerm(about.sae)} site:${quotedTerm(about.site)}` })}><${Quoted}>${about.sae}<//></a>
      <span>${latent}</span>
    </p>
    <h1 class="fires">
      ${run.names[row] ? html`<${Quoted}>${run.names[row]}<//>` : `Latent ${latent}`}
    </h1>
    <p class="sub">
      ${about.meta ? "Meta-latent" : "Latent"} ${latent} of <a href=${saeAddress(run, number)}><${Quoted}>${about.sae}<//></a> at${" "}
      <${Quoted}>${about.site}<//> of <${Quoted}>${about.model}<//>
      ${badges.map(([text, kind]) => html`<span class=${`badge ${kind}`}>${text}</span>`)}
      <span class="actions">
        <button type="button" class="plain" onClick=${() => pin(run, row)} title="x">compare</button>
        <${CopyLink} />
      </span>
    </p>
  </header>`;
}

/** What the index says of a latent, or with `meta` of a meta-latent. */
function Numbers({ run, row, keys = NUMBERS, meta }) {
  const known = keys.filter((key) => columnOf(run, key, meta) && !missing(run.value(key, row)));
  const others = meta || !run.value("density", row) ? [] : keys.filter((key) => run.about.get(key)?.reason && !known.includes(key));
  return html`<dl class="numbers">${known.map((key) => {
    const about = columnOf(run, key, meta);
    const [low, high] = meta ? [] : boundKeys(run, key).map((name) => run.value(name, row));
    return html`<div title=${about.sentence}><dt>${about.label}</dt><dd><${Value} about=${about} value=${run.value(key, row)} low=${low} high=${high} /></dd></div>`;
  })}</dl>
  ${others.length > 0 && html`<details class="others"><summary>not measured: ${others.length}</summary>
    ${others.map((key) => html`<${Missing} what=${run.about.get(key).label} why=${run.about.get(key).reason} />`)}</details>`}`;
}

// ---- contexts

function Contexts({ run, data, onMark }) {
  const [options, setOptions] = useState({ by: "activation", around: "kept", lines: false, spaces: false, first: false });
  const set = (key) => (event) =>
    setOptions({ ...options, [key]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const [errors, failed] = useData(() => options.by === "error" && run.errors(run.rowSae[data.row]), [options.by]);
  if (!data.windows.length) {
    const tokens = run.harvest?.[data.about.model]?.tokens;
    return html`<${Panel} title="Contexts">
      <p class="missing">This latent never fired${tokens ? ` on the ${GROUPS.format(tokens)} tokens that were looked at` : ""}.</p>
    <//>`;
  }
  const error = errors && errorOf(errors, data.text.positions);
  const maximum = run.value("maximum", data.row);
  const groups = [0, 1, 2, 3, 4, 5].map((s) => data.windows.filter((w) => w.stratum === s));
  const show = (one) => html`<${Window} data=${data} one=${one} options=${options} maximum=${maximum} error=${error} onMark=${onMark} />`;
  return html`<section class="panel contexts">
    <div class="bar">
      <h2>Contexts</h2>
      <span class="scale" aria-hidden="true">0 ${Array.from({ length: STEPS }, (_, i) => html`<i class=${`h${i + 1}`} />`)} ${error ? `${format(100 * errors.header.scale, 0)} % missed` : "max"}</span>
      <label title="The error is the share of the token’s squared norm that the SAE does not reconstruct">Shade by
        <select value=${options.by} onChange=${set("by")}>
          <option value="activation">activation</option>
          <option value="error" disabled=${!data.about.decomposed}>error of the SAE${data.about.decomposed ? "" : ": not taken apart"}</option>
        </select>
      </label>
      <label>Show
        <select value=${options.around} onChange=${set("around")}>
          <option value="kept">window</option>
          <option value="wide">± 40 tokens</option>
          <option value="all">whole context</option>
        </select>
      </label>
      <label><input type="checkbox" checked=${options.lines} onChange=${set("lines")} /> line breaks</label>
      <label><input type="checkbox" checked=${options.spaces} onChange=${set("spaces")} /> spaces</label>
      <label title="Positions before the first that is counted"><input type="checkbox" checked=${options.first} onChange=${set("first")} /> first positions</label>
    </div>
    ${failed && html`<${Waiting} error=${failed} />`}
    ${errors && !errors.get("error")?.length && html`<p class="missing">not measured: left out to keep the folder small</p>`}
    ${groups.map((windows, stratum) =>
      windows.length
        ? html`<div class="stratum">
            <h3>
              ${stratum === 0 ? "Strongest" : html`${STRATA[stratum - 1]} % of its maximum`}
              ${stratum > 0 && html`<small>${format(100 * data.shares[stratum - 1], 1)} % of its firings</small>`}
            </h3>
            ${windows.map(show)}
          </div>`
        : stratum > 0 && html`<div class="stratum"><h3>${STRATA[stratum - 1]} % of its maximum<small>no firing</small></h3></div>`,
    )}
    <${Misses} found=${data.explanation} windows=${data.windows.filter((w) => w.stratum === MISSED)} show=${show} />
  </section>`;
}

/** Contexts where it fires and its explanation says that it does not, and how often it is wrong the other way. */
function Misses({ found, windows, show }) {
  if (!found || missing(found.n)) return null;
  return html`<div class="stratum misses">
    <h3>Fires, but the explanation says no<small>${found.misses ? `${found.misses} of the ${found.n} tested contexts${windows.length < found.misses ? `, the ${windows.length} strongest` : ""}` : `in none of the ${found.n} tested contexts`}</small></h3>
    ${windows.map(show)}
    ${!missing(found.accuracy_silent) && html`<p class="note">Where the latent is silent, the explanation says that it fires in ${format(100 * (1 - found.accuracy_silent), 0)} % of the tested contexts.</p>`}
  </div>`;
}

/** The error of a token as a share of the scale, and of its squared norm: null where it is not known. */
function errorOf(errors, positions) {
  const places = new Map(Array.from(errors.get("contexts") ?? [], (context, i) => [context, i]));
  const { levels, scale } = errors.header;
  return (context, position) => {
    const level = errors.get("error")[places.get(context) * positions + position] ?? 255;
    return level > levels ? null : { share: level / levels, missed: (scale * level) / levels, most: level === levels };
  };
}

function Window({ data, one, options, maximum, error, onMark }) {
  const { text } = data;
  const [at, setAt] = useState(null);
  const first = options.first ? 0 : text.min_position;
  const end = one.start + one.values.length;
  const reach = { kept: [one.start, end], wide: [one.peak - 40, one.peak + 41], all: [0, text.positions] };
  const from = Math.max(reach[options.around][0], options.around === "kept" ? 0 : first);
  const to = Math.min(reach[options.around][1], text.positions);
  const tokens = useMemo(
    () => decodeTokens(text, text.context(one.context).subarray(from, to)),
    [from, to, one],
  );
  const share = (position) => {
    const known = position >= one.start && position < end;
    return known ? one.values[position - one.start] / 255 : null;
  };
  const say = (position) => {
    setAt(position);
    onMark(position === null ? null : share(position));
  };
  const move = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    say(Math.max(from, Math.min(to - 1, (at ?? one.peak - by) + by)));
  };
  const peakShare = share(one.peak) ?? 0;
  const missed = (e) => (e ? `, ${format(100 * e.missed, 0)} %${e.most ? " or more" : ""} missed` : "");
  const value = (s) => (s === null ? "activation not kept here" : format(s * maximum, 2));
  return html`<div
    class=${`window ${options.lines ? "lines" : ""}`}
    tabindex="0"
    role="group"
    aria-label=${`Context ${one.context}, strongest at position ${one.peak}`}
    onKeyDown=${move}
    onMouseLeave=${() => say(null)}
    onBlur=${() => say(null)}
  >
    <span class="peak-value">${format(peakShare * maximum, 2)}</span>
    <p>
      ${from > 0 && html`<span class="cut">…</span>`}
      ${tokens.map((token, i) => {
        const position = from + i;
        const s = share(position);
        const early = position < text.min_position;
        const e = error && error(one.context, position);
        const hue = e ? step(e.share) : s === null ? "outside" : s > 0 ? step(s) : "";
        return html`<${Token}
          token=${token}
          options=${options}
          className=${`${hue} ${position === one.peak ? "peak" : ""} ${early ? "early" : ""} ${position === at ? "at" : ""}`}
          onPick=${() => say(position)}
        />`;
      })}
      ${to < text.positions && html`<span class="cut">…</span>`}
    </p>
    <span class="readout" aria-live="polite">
      ${at === null
        ? `context ${one.context}`
        : html`<bdi>${plain(visibleToken(tokens[at - from] ?? { parts: [] }, { spaces: true }))}</bdi>${" "}
            <b>${value(share(at))}</b>${error && missed(error(one.context, at))} · ${at}`}
    </span>
  </div>`;
}

function Token({ token, options, className, onPick, ...rest }) {
  return html`<bdi class=${`t ${className}`} onMouseEnter=${rest.hover ?? onPick} onClick=${onPick} title=${token.part ? "part of a character that is split over tokens" : undefined}
    ><${Pieces} pieces=${visibleToken(token, options)} lines=${options.lines} /></bdi>`;
}

// ---- the other panels

function Histogram({ run, data, marked }) {
  const counts = data.histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!total) return null;
  const [w, h] = [320, 96];
  const maximum = run.value("maximum", data.row);
  const y = lib.scaleLinear().domain([0, Math.log1p(Math.max(...counts))]).range([0, h]);
  const width = w / counts.length;
  const bin = marked ? Math.min(counts.length - 1, Math.floor(marked * counts.length)) : -1;
  return html`<${Panel} title="Activations" className="first">
    <svg class="plot" viewBox=${`-4 -4 ${w + 8} ${h + 26}`} role="img" aria-label="Histogram of activations">
      <desc>${`${GROUPS.format(total)} firings in ${counts.length} equal bins up to the maximum; heights are logarithmic.`}</desc>
      ${Array.from(counts, (count, i) => html`<rect
        class=${`hist ${i === bin ? "marked" : ""}`}
        x=${i * width} y=${h - y(Math.log1p(count))} width=${width - 1} height=${y(Math.log1p(count))}>
        <title>${`${format((i * maximum) / counts.length, 2)} – ${format(((i + 1) * maximum) / counts.length, 2)}: ${count}`}</title>
      </rect>`)}
      <line class="base" x1="0" x2=${w} y1=${h + 0.5} y2=${h + 0.5} />
      <text class="tick" x="0" y=${h + 16}>0</text>
      <text class="tick" x=${w} y=${h + 16} text-anchor="end">${format(maximum, 2)}</text>
      <text class="tick" x=${w / 2} y=${h + 16} text-anchor="middle">${GROUPS.format(total)} firings, log scale</text>
    </svg>
  <//>`;
}

function Logits({ data }) {
  if (!data.promoted.length) return html`<${Panel} title="Promoted and suppressed tokens"><p class="missing">not measured${data.logitsNote && `: ${data.logitsNote}`}</p><//>`;
  const most = Math.max(...[...data.promoted, ...data.suppressed].map((one) => Math.abs(one.logit)));
  const list = (title, all, kind) => html`<div>
    <h3>${title}</h3>
    <ol class=${`logits ${kind}`}>
      ${all.map(({ id, logit }) => html`<li>
        <bdi class="t"><${Pieces} pieces=${visibleToken(decodeTokens(data.text, [id])[0], { spaces: true })} /></bdi>
        <i class="meter"><i style=${{ width: `${(100 * Math.abs(logit)) / most}%` }} /></i>
        <span class="number">${format(logit, 2)}</span>
      </li>`)}
    </ol>
  </div>`;
  return html`<${Panel} title="Promoted and suppressed tokens" note=${data.logitsNote}>
    <div class="two">${list("Promoted", data.promoted, "up")} ${list("Suppressed", data.suppressed, "down")}</div>
  <//>`;
}

function Nearest({ run, data, title = "Nearest in every other SAE" }) {
  if (!data.near.length) {
    return html`<${Panel} title=${title}><p class="missing">no other SAE of this site in this run</p><//>`;
  }
  const rows = data.near.map(({ sae, other, cosine }) => ({ sae, latent: other, value: cosine }));
  return html`<${Panel} title=${title} note="The latent with the highest decoder cosine in each SAE of the site.">
    <${LatentRows} run=${run} head="Cosine" rows=${rows} most="1" write=${(value) => format(value, 3)} full=${true} few="8" />
  <//>`;
}

// What a group of alike latents says of one of them, in a word and in a sentence.
const KIN = {
  alone: (own, other, larger) => [larger ? "novel" : "alone", `no latent of ${other} is like it`],
  "1-1": (own, other) => ["1-1", `one latent of ${other} is like it, and that one is like no other`],
  "1-n": (own, other, larger, small, large) => ["split", larger ? `with ${large - 1} more it is like one latent of ${other}` : `${large} latents of ${other} are like it`],
  "n-1": (own, other, larger, small) => ["merged", larger ? `${small} latents of ${other} are like it` : `with ${small - 1} more it is like one latent of ${other}`],
  "n-m": (own, other, larger, small, large) => ["n-m", `it is in a group of ${larger ? large : small} latents of ${own} and ${larger ? small : large} of ${other} that are alike`],
};

/** What there is of a latent in the next smaller or larger SAE. */
function Stitching({ run, data }) {
  const title = "In a smaller or larger SAE";
  const found = data.stitched.filter(({ group }) => group !== "silent");
  if (!found.length) {
    const why = data.stitched.length ? "a latent that never fires has no counterpart" : "this run stitches other SAEs; canonical_units of the configuration names them";
    return html`<${Panel} title=${title}><${Missing} why=${why} /><//>`;
  }
  return html`<${Panel} title=${title} className="said" note=${`Like is a decoder cosine of ${format(found[0].threshold, 2)} or more.`}>
    ${found.map((one) => {
      const name = (number) => plain(visible(run.saes[number].sae));
      const [word, text] = KIN[one.group](name(one.sae), name(one.other), Boolean(one.larger), one.n_small, one.n_large);
      return html`<p class="lead"><span class=${`badge first ${word === "novel" ? "good" : ""}`}>${word}</span> ${text}.</p>
        <p>Nearest there, at a cosine of ${format(one.cosine, 4)}: <${LatentLink} run=${run} sae=${one.other} latent=${one.nearest} /></p>
        ${!missing(one.delta_mse) && html`<p>Added alone to it, the latent changes its mean squared error by <b>${format((100 * one.delta_mse) / one.mse_small, 2)} %</b>:${" "}
          ${format(one.delta_mse, 3)} <span class="interval">${format(one.delta_mse_lo, 3)} to ${format(one.delta_mse_hi, 3)}</span>, of ${format(one.mse_small, 1)}.</p>`}`;
    })}
  <//>`;
}

function Explanation({ data }) {
  const found = data.explanation;
  if (!found) return html`<${Panel} title="Explanation"><${Missing} why="this latent was not among those that were explained" /><//>`;
  return html`<${Panel} title="Explanation">
    <blockquote><${Quoted} longest="2000">${found.text}<//></blockquote>
    <p class="note">Score ${format(found.score, 3)}${found.n ? ` on ${found.n} examples` : ""}${found.backend ? html`, written by <${Quoted}>${found.backend}<//>` : ""}: the mean of its accuracies where the latent fires and where it is silent; chance is 0.5.</p>
  <//>`;
}

function Provenance({ run, data }) {
  const { contexts, positions, min_position, tokens, documents } = run.harvest[data.about.model];
  return html`<${Panel} title="Where this is from" className="quiet">
    <p>
      ${GROUPS.format(tokens)} tokens of ${GROUPS.format(documents)} documents: ${GROUPS.format(contexts)} contexts of ${positions}${" "}
      positions, those before ${min_position} not counted. Intervals: 95 %, documents resampled.
    </p>
  <//>`;
}
