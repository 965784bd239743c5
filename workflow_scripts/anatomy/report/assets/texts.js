"use strict";
// Texts: what an SAE does at each token of a few contexts, the same for all SAEs.

const BY = {
  error: { label: "error", read: (s, i) => ratio(s.get("error"), s.get("x"), i) },
  linear: { label: "linear error", read: (s, i) => ratio(s.get("linear"), s.get("x"), i) },
  nonlinear: { label: "nonlinear error", read: (s, i) => ratio(s.get("nonlinear"), s.get("x"), i) },
  share: { label: "nonlinear ÷ error", read: (s, i) => ratio(s.get("nonlinear"), s.get("error"), i) },
  kl: { label: "KL", read: (s, i) => s.get("kl")?.[i] },
  ce: { label: "change of the loss", signed: true, read: (s, i) => s.get("ce")?.[i] },
  l0: { label: "active latents", digits: 0, read: (s, i) => s.get("l0")?.[i] },
};

function ratio(above, below, i) {
  return above && below ? above[i] / below[i] : undefined;
}

function withSamples(run) {
  return run.saes.map((_, number) => number).filter((number) => run.saes[number].samples);
}

/** The SAE that a text is looked at with: the one asked for, or that of which most is known, best of the main site. */
function sampleSae(run, site, name) {
  const all = withSamples(run);
  const asked = name ? run.saeNumber(site, name) : -1;
  const known = (n) => {
    const { decomposed, site: at, model, slug } = run.saes[n];
    const is = [decomposed, !missing(cellOf(run.saes[n], "kl")[0]), at === run.main?.site && model === run.main?.model, slug === run.doors?.largest_error?.sae];
    return parseInt(is.map(Number).join(""), 2);
  };
  return name ? all.find((n) => n === asked) : all.reduce((best, n) => (known(n) > known(best) ? n : best), all[0]);
}

async function openSamples(run, sae) {
  const [samples, text] = await Promise.all([run.samples(sae), run.words(run.saes[sae].model)]);
  return { samples, text, contexts: samples.get("contexts") };
}

function textAddress(run, context, sae, query) {
  return address(["text", String(context), run.saes[sae].site, run.saes[sae].sae], query);
}

function SaePicker({ run, value, onChange, none, label }) {
  return html`<label>${label}
    <select value=${value ?? ""} onChange=${(event) => onChange(event.target.value === "" ? null : Number(event.target.value))}>
      ${none && html`<option value="">${none}</option>`}
      ${withSamples(run).map((n) => html`<option value=${n}>${plain(visible(`${run.saes[n].sae} · ${run.saes[n].site}`))}</option>`)}
    </select>
  </label>`;
}

function Texts({ run, route }) {
  const sae = sampleSae(run, route.query.get("site"), route.query.get("sae"));
  const [data, error] = useData(() => (sae === undefined ? null : openSamples(run, sae)), [sae]);
  if (sae === undefined) return html`<h1>Texts</h1><${Missing} what="Texts" why="no SAE of this run has its codes at sample contexts" />`;
  const means = data && Array.from(data.contexts, (_, c) => meanOf(data, c));
  const most = means && Math.max(...means);
  return html`<div class="heading"><h1>Texts</h1>
      <${SaePicker} run=${run} value=${sae} label="with" onChange=${(n) => go(address(["texts"], { sae: run.saes[n].sae, site: run.saes[n].site }), true)} /></div>
    <p class="note">Contexts chosen evenly over the ranking by mean error; the same for all SAEs. The bar is the mean share of a token’s squared norm that this SAE misses.</p>
    ${!data && html`<${Waiting} error=${error} />`}
    ${data && html`<ol class="text-list">${Array.from(data.contexts, (context, c) => html`<li>
      <a href=${textAddress(run, context, sae)}>
        <span class="meter wide-meter"><i style=${{ width: `${(100 * means[c]) / most}%` }} /></span>
        <span class="number">${format(100 * means[c], 1)} %</span>
        <bdi>${decodeTokens(data.text, data.text.context(context).subarray(data.text.min_position, data.text.min_position + 40)).map((token) => plain(visibleToken(token)))}</bdi>
      </a></li>`)}</ol>`}`;
}

function meanOf({ samples, text }, c) {
  let [sum, count] = [0, 0];
  for (let p = text.min_position; p < text.positions; p++) {
    const value = BY.error.read(samples, c * text.positions + p);
    if (Number.isFinite(value)) [sum, count] = [sum + value, count + 1];
  }
  return count ? sum / count : 0;
}

function TextView({ run, route }) {
  const [, number, ...where] = route.parts;
  const [site, name] = where.length > 1 ? where : [null, where[0]];
  const sae = sampleSae(run, site, name);
  const beside = withSamples(run).find((n) => String(n) === route.query.get("beside"));
  const [data, error] = useData(
    () => Promise.all([sae, beside].filter((n) => n !== undefined).map((n) => openSamples(run, n))),
    [sae, beside],
  );
  const set = (values, replace = true) => go(changed(route, values), replace);
  if (sae === undefined) return html`<${Unknown} what="No such SAE with texts in this run." nearest=${address(["texts"])} />`;
  if (!data) return html`<${Waiting} error=${error} />`;
  const c = data[0].contexts.indexOf(Number(number));
  if (c < 0) return html`<${Unknown} what="This context is not among the texts of this run." nearest=${address(["texts"])} />`;
  const there = Object.keys(BY).filter((key) => !missing(BY[key].read(data[0].samples, c * data[0].text.positions + data[0].text.min_position)));
  const by = there.includes(route.query.get("by")) ? route.query.get("by") : there[0];
  const token = route.query.get("token") === null ? null : Number(route.query.get("token"));
  const others = data[0].contexts;
  // One scale for both SAEs.
  const columns = data.map((one) => valuesOf(one, c, by));
  const most = Math.max(1e-12, ...columns.flat().filter(Number.isFinite).map(Math.abs));
  return html`<article>
    <header class="latent-head">
      <p class="crumbs"><a href=${address(["texts"])}>Texts</a><span>context ${number}</span></p>
      <h1>Context ${number}</h1>
      <div class="bar">
        <label>Colour by <select value=${by} onChange=${(event) => set({ by: event.target.value })}>
          ${there.map((key) => html`<option value=${key}>${BY[key].label}</option>`)}</select></label>
        <${SaePicker} run=${run} value=${sae} label="SAE" onChange=${(n) => go(textAddress(run, number, n, Object.fromEntries(route.query)), true)} />
        <${SaePicker} run=${run} value=${beside} label="beside" none="none" onChange=${(n) => set({ beside: n === null ? "" : String(n) })} />
        <span class="actions">
          ${c > 0 && html`<a href=${textAddress(run, others[c - 1], sae, { by })}>← previous</a>`}
          ${c + 1 < others.length && html`<a href=${textAddress(run, others[c + 1], sae, { by })}>next →</a>`} <${CopyLink} /></span>
      </div>
    </header>
    <div class=${data.length > 1 ? "columns even" : ""}>
      ${data.map((one, i) => html`<${TextPanel} key=${i ? beside : sae} run=${run} data=${one} c=${c} sae=${i ? beside : sae} by=${by} values=${columns[i]} most=${most} token=${token}
        pick=${(position) => set({ token: String(position) })} />`)}
    </div>
  </article>`;
}

/** The quantity at each token of a context; NaN where it is not counted or not measured. */
function valuesOf({ samples, text }, c, by) {
  const read = (p) => (p < text.min_position ? NaN : (BY[by].read(samples, c * text.positions + p) ?? NaN));
  return Array.from({ length: text.positions }, (_, p) => read(p));
}

function TextPanel({ run, data, c, sae, by, values, most, token, pick }) {
  const { text, contexts } = data;
  const { positions, min_position: start } = text;
  const tokens = useMemo(() => decodeTokens(text, text.context(contexts[c])), [c]);
  const hue = (value) => {
    if (!Number.isFinite(value)) return "early";
    const name = step(Math.abs(value) / most);
    return BY[by].signed && value < 0 ? name.replace("h", "n") : name;
  };
  const onKeyDown = (event) => {
    const by1 = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by1) return;
    event.preventDefault();
    event.stopPropagation();
    pick(Math.max(0, Math.min(positions - 1, (token ?? start - by1) + by1)));
  };
  const [w, h] = [positions * 4, 64];
  const signed = BY[by].signed;
  const zero = signed ? h / 2 : h;
  return html`<${Panel} title=${html`<${SaeName} run=${run} number=${sae} />`} className="text-panel">
    <p class="scale">${signed ? format(-most, 2) : "0"} ${Array.from({ length: STEPS }, (_, i) => html`<i class=${signed && i < 4 ? `n${9 - 2 * i}` : `h${signed ? Math.max(1, 2 * (i - 4)) : i + 1}`} />`)} ${format(most, BY[by].digits ?? 2)} <span>${BY[by].label}${["error", "linear", "nonlinear"].includes(by) ? " as a share of the token’s squared norm" : ""}</span></p>
    <div class="running" tabindex="0" role="group" aria-label="Text; arrow keys go from token to token" onKeyDown=${onKeyDown}>
      ${tokens.map((one, p) => html`<${Token} token=${one} options=${{ lines: true }} hover=${() => {}} className=${`${hue(values[p])} ${p === token ? "at" : ""}`} onPick=${() => pick(p)} />`)}
    </div>
    <svg class="plot strip" viewBox=${`0 -2 ${w} ${h + 4}`} preserveAspectRatio="none" role="img" aria-label=${`${BY[by].label} along the text`}>
      <desc>One bar a token; the same numbers are at each token.</desc>
      ${values.map((value, p) => Number.isFinite(value) && html`<rect class=${`hist ${p === token ? "marked" : ""}`} x=${p * 4} width="3"
        y=${value < 0 ? zero : zero - (value / most) * zero} height=${Math.max(0.5, (Math.abs(value) / most) * (signed ? h / 2 : h))} onClick=${() => pick(p)} />`)}
    </svg>
    ${token === null ? html`<p class="note">Click a token, or walk with ← and →: its latents and its numbers.</p>`
      : html`<${TokenPanel} run=${run} data=${data} at=${c * positions + token} token=${tokens[token]} position=${token} sae=${sae} early=${token < start} />`}
  <//>`;
}

function TokenPanel({ run, data, at, token, position, sae, early }) {
  const { samples } = data;
  if (!token) return null;
  const [from, to] = [samples.get("code_offsets")[at], samples.get("code_offsets")[at + 1]];
  const codes = Array.from({ length: to - from }, (_, i) => ({ sae, latent: samples.get("code_latent")[from + i], value: samples.get("code_value")[from + i] })).sort((a, b) => b.value - a.value);
  return html`<div class="token-panel" aria-live="polite">
    <h3><bdi class="t"><${Pieces} pieces=${visibleToken(token, { spaces: true })} /></bdi> <small>position ${position}${early ? ", not counted" : ""}</small></h3>
    <dl class="numbers small">${Object.values(BY).map(({ label, read, digits }) => {
      const value = read(samples, at);
      return !missing(value) && html`<div><dt>${label}</dt><dd>${format(value, digits ?? 3)}</dd></div>`;
    })}</dl>
    ${codes.length > 0 && html`<${LatentRows} run=${run} head="Activation" rows=${codes} most=${codes[0].value} write=${(value) => format(value, 2)} />`}
    ${!codes.length && html`<p class="missing">no latent fires here</p>`}
  </div>`;
}
