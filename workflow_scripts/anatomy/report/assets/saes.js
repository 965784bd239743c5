"use strict";
// The overview of the run, the table of its SAEs, and one SAE.

const SAE_COLUMNS = ["l0", "fvu", "fvu_nonlinear", "celr_zero", "kl", "pathology", "dead_share", "novel_share", "interpretability"];

function cellOf(sae, key) {
  return sae.cells[key] ?? [sae[key] ?? NaN, NaN, NaN];
}

function measured(run, key) {
  return run.saes.some((sae) => !missing(cellOf(sae, key)[0]));
}

// ---- overview

function Overview({ run }) {
  const main = run.main ?? {};
  const ordinary = run.saes.filter((sae) => !sae.meta);
  const latents = filterRows(run, [], false);
  const facts = [
    ["Model", run.models.size === 1 ? [...run.models.keys()][0] : `${run.models.size} models`],
    ["Text", [run.text].flat().join(" ")],
    ["SAEs", `${ordinary.length}, at ${new Set(ordinary.map((sae) => `${sae.model} ${sae.site}`)).size} sites`],
    ["Latents", `${GROUPS.format(latents.length)}, of which ${GROUPS.format(latents.filter((row) => run.value("density", row) > 0).length)} fire`],
  ];
  return html`<div class="overview">
    <p class="kicker">Anatomy of sparse autoencoders</p>
    <h1><${Quoted}>${run.name}<//></h1>
    ${run.findings?.length > 0 &&
    html`<ol class="findings">${run.findings.map((finding) => html`<li><${Quoted} longest="1000">${finding}<//></li>`)}</ol>`}
    <div class="doors"><${Doors} run=${run} /></div>
    <div class="columns even">
      <${Panel} title="Error against sparsity" note="Every SAE of one site: the share of variance it leaves unexplained against the latents it uses for a token. Bars are 95 % intervals; click a dot.">
        <${Tradeoff} run=${run} site=${main.site} model=${main.model} />
      <//>
      <${Panel} title="This run">
        <dl class="facts">
          ${facts.map(([name, text]) => html`<dt>${name}</dt><dd><${Quoted}>${text}<//></dd>`)}
          ${[...run.models.values()].map((model) => html`<dt><${Quoted}>${model.name}<//></dt>
            <dd>${model.layers} layers of ${model.d} dimensions, ${GROUPS.format(model.vocabulary)} tokens</dd>`)}
        </dl>
        ${(run.settings?.lowered ?? []).map((line) => html`<p class="note">${line}</p>`)}
        <p class="note"><a href="index.html">The report</a> has the figures and the claims of the papers.</p>
      <//>
    </div>
  </div>`;
}

function Doors({ run }) {
  const door = run.doors?.largest_error;
  const row = door ? run.row(run.saes.findIndex((sae) => sae.slug === door.sae || sae.sae === door.sae), door.latent) : -1;
  const random = () => {
    const density = run.columns.get("density");
    for (let i = 0; i < 1000; i++) {
      const pick = Math.floor(Math.random() * run.size);
      if (density[pick] > 0 && !run.saes[run.rowSae[pick]].meta) return go(latentAddress(run, pick));
    }
  };
  const about = (key) => run.about.get(key) ?? { unit: "share", digits: 3 };
  return html`
    ${row >= 0
      ? html`<a class="door" href=${latentAddress(run, row)}>
          <b>The latent with the largest error contribution</b>
          <span class="fires"><${Quoted} longest="80">${run.names[row]}<//></span>
          <small>
            ${withUnit(about("error"), run.value("error", row))} of the error of <${SaeName} run=${run} number=${run.rowSae[row]} />;
            it fires on ${withUnit(about("density"), run.value("density", row))} of tokens, and the error there is${" "}
            ${format(door.error_lift, 2)} times the mean
          </small>
        </a>`
      : html`<div class="door"><b>The latent with the largest error contribution</b><small>not measured: no SAE was decomposed</small></div>`}
    <div class="door">
      <a href=${address(["claims"])}><b>What the run says of the main claims</b></a>
      <${Verdicts} run=${run} />
    </div>
    <button type="button" class="door" onClick=${random}>
      <b>A random latent</b>
      <small>One of those that fire, whatever it is</small>
    </button>`;
}

/** The first claim of each paper that this run can judge, and how all of them came out. */
function Verdicts({ run }) {
  const [claims] = useData(() => run.claims(), []);
  if (!claims?.length) return html`<small>${claims ? "not measured: no paper of this run claims anything" : ""}</small>`;
  const judged = claims.filter(isJudged);
  const firsts = judged.filter((claim, i) => judged.findIndex((other) => other.paper === claim.paper) === i);
  const count = (verdict) => claims.filter((claim) => claim.verdict === verdict).length;
  const rest = claims.length - judged.length;
  return html`${firsts.map((claim) => html`<a href=${address(["claims"], { claim: claim.id })}><span class=${`verdict ${verdictClass(claim.verdict)}`}>${claim.verdict}</span> <${Quoted} longest="120">${claim.statement}<//></a>`)}
    <small>Of ${claims.length} claims ${count("holds")} hold, ${count("does not hold")} do not, ${count("undecided")} are undecided${rest ? `, ${rest} cannot be tested here` : ""}.</small>`;
}

/** FVU against L0, a dot an SAE. */
function Tradeoff({ run, site, model }) {
  const sites = [...new Map(run.saes.filter((sae) => !sae.meta).map((sae) => [`${sae.model} ${sae.site}`, sae])).values()];
  const [chosen, setChosen] = useState(() => Math.max(0, sites.findIndex((sae) => sae.site === site && (!model || sae.model === model))));
  const here = sites[chosen];
  const dots = run.saes
    .map((sae, number) => ({ sae, number, l0: sae.l0 ?? cellOf(sae, "l0")[0], fvu: cellOf(sae, "fvu") }))
    .filter(({ sae, l0, fvu }) => sae.site === here?.site && sae.model === here?.model && !sae.meta && l0 > 0 && fvu[0] > 0);
  if (!dots.length) return html`<${Missing} what="FVU" why="no SAE of this site has it" />`;
  const [w, h, left, top] = [440, 210, 48, 8];
  const extent = (values, pad) => [Math.min(...values) / pad, Math.max(...values) * pad];
  const [l0, l1] = extent(dots.map((dot) => dot.l0), 1.25);
  const bounds = dots.flatMap(({ fvu }) => fvu.filter((value) => value > 0));
  const [f0, f1] = extent(bounds, 1.08);
  const x = lib.scaleLog().domain([l0, l1]).range([left, left + w]);
  const y = lib.scaleLinear().domain([Math.max(0, f0 - 0.02), f1]).nice(5).range([top + h, top]);
  const kinds = [...new Set(run.saes.map((sae) => sae.architecture))].sort();
  return html`${sites.length > 1 && html`<label class="site-select">Site
      <select value=${chosen} onChange=${(event) => setChosen(Number(event.target.value))}>
        ${sites.map((sae, i) => html`<option value=${i}>${plain(visible(sae.site))}${run.models.size > 1 ? ` (${sae.model})` : ""}</option>`)}
      </select></label>`}
    <svg class="plot" viewBox="0 0 500 256" role="group" aria-label="FVU against L0">
      <desc>The table of SAEs has the same numbers.</desc>
      <${Axis} scale=${x} ticks=${powers(l0, l1)} at=${top + h} size="0" side="bottom" write=${power} />
      <${Axis} scale=${y} ticks=${y.ticks(5)} at=${left} size=${w} side="left" write=${(v) => format(v, 2)} />
      ${dots.map(({ sae, number, l0: at, fvu: [value, low, high] }) => html`<a href=${saeAddress(run, number)} class=${`dot k${kinds.indexOf(sae.architecture) % 6}`}>
        <title>${`${sae.sae}: L0 ${format(at, 1)}, FVU ${format(value, 3)}`}</title>
        ${!missing(low) && html`<line x1=${x(at)} x2=${x(at)} y1=${y(low)} y2=${y(high)} />`}
        <circle cx=${x(at)} cy=${y(value)} r=${3 + Math.min(4, Math.log2(sae.width / 64) / 2)} />
      </a>`)}
      <text class="title" x=${left + w / 2} y="252" text-anchor="middle">latents active for a token (L0)</text>
      <text class="title" x=${-(top + h / 2)} y="12" transform="rotate(-90)" text-anchor="middle">FVU</text>
    </svg>
    <p class="legend">${kinds.filter((kind) => dots.some(({ sae }) => sae.architecture === kind)).map((kind) => html`<span class=${`k${kinds.indexOf(kind) % 6}`}>${kind}</span>`)} <small>larger dots: wider SAEs</small></p>`;
}

// ---- the table

/** The SAEs as what is searched: a row each, with the columns that some have. */
function searchable(run) {
  const shown = ["width", "seed", ...run.quantities.map(({ key }) => key)].filter((key) => measured(run, key)).map((key) => ({ key }));
  return {
    ofSaes: true, saes: run.saes, size: run.saes.length, shown, rowSae: [...run.saes.keys()], rowLatent: [],
    about: new Map(shown.map((about) => [about.key, about])),
    columns: new Map(shown.map(({ key }) => [key, Float32Array.from(run.saes, (sae) => cellOf(sae, key)[0] ?? NaN)])),
    lowerNames: run.saes.map((sae) => `${sae.sae} ${sae.site} ${sae.architecture} ${sae.model} ${sae.width}`.toLowerCase()),
  };
}

function Saes({ run, route }) {
  const list = useMemo(() => searchable(run), [run]);
  const { terms, error } = useTerms(route.query.get("q") ?? "", list);
  const sort = route.query.get("sort") ?? "";
  const keys = SAE_COLUMNS.filter((key) => run.quantityOf(key) && measured(run, key));
  const value = (number, key) => {
    const sae = run.saes[number];
    if (["sae", "site", "architecture"].includes(key)) return sae[key];
    return key === "width" ? sae.width : (cellOf(sae, key)[0] ?? NaN);
  };
  const rows = Array.from(filterRows(list, terms, false));
  const order = parseSort(sort);
  rows.sort((a, b) => {
    for (const [key, down] of order) {
      const found = compareValues(value(a, key), value(b, key), down ? -1 : 1);
      if (found) return found;
    }
    return a - b;
  });
  const words = (key, label, width, phone) => ({ key, label, width, phone, kind: key === "sae" ? "name" : key, cell: (n) => html`<${Quoted}>${run.saes[n][key]}<//>` });
  const columns = [
    { ...words("sae", "SAE", [nameWidth(run, 190), 1.6], true), cell: (n) => html`<a tabindex="-1" href=${saeAddress(run, n)}><${Quoted}>${run.saes[n].sae}<//></a>` },
    { ...words("site", "Site", [150, 1.2], true), kind: "sae" },
    words("architecture", "Kind", [66, 0.6]),
    { key: "width", label: "Width", numeric: true, width: [56, 0.3], cell: (n) => GROUPS.format(run.saes[n].width) },
    ...keys.map((key) => {
      const about = run.quantityOf(key);
      const like = typical(run.saes.map((sae) => cellOf(sae, key)[0] ?? NaN));
      return {
        key, label: about.label, unit: writtenAs(about).unit, title: about.sentence, numeric: true, width: [Math.max(92, wordWidth(about.label)), 0.9],
        phone: ["l0", "fvu", "celr_zero"].includes(key),
        cell: (n) => {
          const [at, low, high] = cellOf(run.saes[n], key);
          const half = missing(low) || missing(high) ? NaN : (high - low) / 2;
          return html`<span title=${missing(at) ? `not measured: ${run.saes[n].missing?.[key] ?? ""}` : about.sentence}>
            ${quantity(about, at, like)}${!missing(half) && html`<small> ±${quantity(about, half, like)}</small>`}</span>`;
        },
      };
    }),
  ];
  return html`<div class="heading"><h1>SAEs</h1><p class="count" aria-live="polite">${rows.length} of ${run.saes.filter((sae) => !sae.meta).length}</p></div>
    ${error && html`<${Waiting} error=${error} />`}
    <${SortSelect} columns=${columns} sort=${sort} set=${(next) => go(changed(route, { sort: next }), true)} />
    <${Grid} label="SAEs" columns=${columns} rows=${rows} keyOf=${(n) => n} open=${(n) => go(saeAddress(run, n))} sort=${sort}
      onSort=${(key, down, add) => go(changed(route, { sort: clickSort(sort, key, down, add) }), true)} place=${route.hash} />
    ${!rows.length && html`<p class="missing">No SAE is like this. <a href=${address(["saes"])}>Show all</a></p>`}`;
}

// ---- one SAE

function Sae({ run, route }) {
  const [, site, name] = route.parts;
  const number = run.saeNumber(site, name, route.query.get("model"));
  if (number < 0) return html`<${Unknown} what="No such SAE in this run." nearest=${address(["saes"])} />`;
  const sae = run.saes[number];
  const largest = useMemo(() => {
    const rows = filterRows(run, [{ kind: "sae", match: run.saes.map((_, i) => i === number), negated: false }]);
    const scored = rows.filter((row) => !missing(run.value("error", row)));
    const key = scored.length ? "error" : "density";
    return { key, rows: Array.from(sortRows(run, scored.length ? scored : rows, `-${key}`).slice(0, 8)) };
  }, [number]);
  const mine = run.quantities.filter((about) => !missing(cellOf(sae, about.key)[0]));
  const others = run.quantities.filter((about) => missing(cellOf(sae, about.key)[0]));
  const query = { q: `sae:${quotedTerm(sae.sae)} site:${quotedTerm(sae.site)}` };
  return html`<article>
    <header class="latent-head">
      <p class="crumbs"><a href=${address(["saes"])}>SAEs</a><span><${Quoted}>${sae.site}<//></span></p>
      <h1><${Quoted}>${sae.sae}<//></h1>
      <p class="sub">${sae.meta ? html`Meta-SAE of <a href=${saeAddress(run, sae.apart)}><${Quoted}>${sae.of}<//></a>: ` : ""}${sae.architecture}, ${GROUPS.format(sae.width)} latents at <${Quoted}>${sae.site}<//> of <${Quoted}>${sae.model}<//>
        <span class="actions">${!sae.meta && html`<a href=${`cards/${sae.slug}.html`}>SAE card</a>`} <a href=${address([sae.meta ? "meta" : "latents"], query)}>all its latents</a>
        ${sae.samples && html`<a href=${address(["texts"], { sae: sae.sae, site: sae.site })}>texts</a>`} <${CopyLink} /></span></p>
    </header>
    <div class="columns even">
      <${Panel} title="Numbers">
        <dl class="rows">${mine.map((about) => {
          const [value, low, high] = cellOf(sae, about.key);
          return html`<dt title=${about.sentence}>${about.label}</dt><dd><${Value} about=${about} value=${value} low=${low} high=${high} /></dd>`;
        })}</dl>
        ${others.length > 0 && html`<details><summary>not measured: ${others.length}</summary>
          ${others.map((about) => html`<${Missing} what=${about.label} why=${sae.missing?.[about.key]} />`)}</details>`}
      <//>
      <${Panel} title=${largest.key === "error" ? "Largest error contributions" : "Densest latents"}>
        <${LatentRows} run=${run} head=${(run.about.get(largest.key) ?? {}).label} rows=${largest.rows.map((row) => ({ sae: number, latent: run.rowLatent[row], value: run.value(largest.key, row) }))} write=${(value) => withUnit(run.about.get(largest.key) ?? {}, value)} />
      <//>
    </div>
  </article>`;
}
