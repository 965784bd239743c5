"use strict";
// The frame: addresses to views, the search box, keys, themes; claims, comparison, help.

const NAV = [["overview", "Overview"], ["saes", "SAEs"], ["latents", "Latents"], ["meta", "Meta-latents"], ["texts", "Texts"], ["claims", "Claims"], ["help", "Help"]];
const KEYS = [
  ["/", "search"], ["j k ↑ ↓", "next and previous row"], ["Enter", "open the row"], ["Esc", "back"], ["[ ]", "previous and next latent of the list"],
  ["n p", "next and previous latent by number"], ["x", "pin a latent; at the second, compare"], ["c", "copy the link"], ["t", "theme"], ["?", "this page"],
];
const SYNTAX = [
  ["error return", "both words in what it fires on; quotes keep spaces"], ["-tab", "not this word"], ["sae:w1024 site:blocks.2 arch:topk", "of these SAEs"],
  ['tok:" which"', "in its strongest tokens"], ["is:novel is:unlike is:dead is:dense is:explained is:meta", "in this state"],
  ["density<1% err>0.01 cos:0.5..0.7", "any column: <, >, <=, >=, a range; in the list of SAEs fvu<0.1 width>500"], ["#123 or name/123", "the latent of this number"],
];
let pinned = null;

function pin(run, row) {
  if (pinned === null || pinned === row) {
    pinned = row;
    announce("Pinned. Press x at another latent to compare.");
  } else {
    const name = (r) => { const { site, sae } = run.saes[run.rowSae[r]]; return [site, sae, String(run.rowLatent[r])]; };
    go(address(["compare", ...name(pinned), ...name(row)]));
    pinned = null;
  }
}

function announce(text) {
  const place = document.getElementById("announce");
  place.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => (place.textContent = ""), 3000);
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    announce("Link copied.");
  } catch {
    announce("The browser does not let this page copy; the link is in the address bar.");
  }
}

function CopyLink() {
  return html`<button type="button" class="plain" title="c" onClick=${copyLink}>copy link</button>`;
}

function nextTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  stored("theme", next);
  showTheme(next);
}

function Unknown({ what, nearest }) {
  return html`<div class="unknown"><h1>${what}</h1><p>The address may be of another run. <a href=${nearest}>The nearest list</a></p></div>`;
}

function Compare({ run, route }) {
  const [, ...p] = route.parts;
  const rows = [p.slice(0, 3), p.slice(3, 6)].map(([site, sae, n]) => run.row(run.saeNumber(site, sae), Number(n)));
  if (rows.some((row) => row < 0)) return html`<${Unknown} what="No such latents in this run." nearest=${address(["latents"])} />`;
  return html`<div class="compare">${rows.map((row) => html`<${LatentBody} key=${row} run=${run} row=${row} />`)}</div>`;
}

// ---- claims

function verdictClass(verdict) {
  return { holds: "good", "does not hold": "bad", undecided: "warn" }[verdict] ?? "none";
}

function isJudged(claim) {
  return verdictClass(claim.verdict) !== "none";
}

/** The claim in the report, and the tables that it was measured in; as links where their names are plain. */
function ClaimLinks({ claim: { paper, claim, tables }, judged }) {
  const plainName = (name) => /^\w[\w-]*$/.test(name);
  if (![paper, claim].every(plainName)) return null;
  const names = judged ? String(tables ?? "").split(" ").filter(plainName) : [];
  return html`<p class="note"><a href=${`index.html#claim-${paper}-${claim}`}>In the report</a>${names.length > 0 && ", from"}${names.map((name) => html` <a href=${`../tables/${paper}/${name}.csv`}>${name}</a>`)}</p>`;
}

function Claims({ run, route }) {
  const [claims, error] = useData(() => run.claims(), []);
  const asked = route.query.get("claim");
  useEffect(() => document.querySelector(".claims .marked")?.scrollIntoView({ block: "center" }), [claims, asked]);
  if (!claims) return html`<h1 class="alone">Claims</h1><${Waiting} error=${error} />`;
  if (!claims.length) return html`<h1 class="alone">Claims</h1><${Missing} what="Claims" why="no paper of this run claims anything" />`;
  // "not testable here (why)" is one verdict with many reasons.
  const short = (claim) => String(claim.verdict).split(" (")[0];
  const filters = [["verdict", short], ["paper", (claim) => claim.paper]];
  const shown = claims.filter((claim) => filters.every(([key, of]) => [null, of(claim)].includes(route.query.get(key))))
    .sort((a, b) => isJudged(b) - isJudged(a));
  return html`<div class="heading"><h1>Claims</h1><p class="count" aria-live="polite">${shown.length} of ${claims.length}</p>
      ${filters.map(([key, of]) => html`<div class="chips" role="group" aria-label=${key}>${[...new Set(claims.map(of))].map((value) => {
        const on = route.query.get(key) === value;
        return html`<button type="button" class=${`chip ${on ? "on" : ""}`} aria-pressed=${String(on)} onClick=${() => go(changed(route, { [key]: on ? "" : value }), true)}>
          ${value.replaceAll("_", " ")}<span class="number">${claims.filter((claim) => of(claim) === value).length}</span></button>`;
      })}</div>`)}</div>
    <ul class="claims">${shown.map((claim) => html`<li key=${claim.id} class=${claim.id === asked ? "marked" : ""}>
      <span class=${`verdict ${verdictClass(claim.verdict)}`}>${short(claim)}</span>
      <div>
        <h2><${Quoted} longest="2000">${claim.statement ?? claim.claim}<//></h2>
        <p class="sub"><${Quoted}>${[String(claim.paper).replaceAll("_", " "), claim.where].filter(Boolean).join(", ")}<//></p>
        ${!missing(claim.measured) && html`<p>Here <b class="number">${format(claim.measured, places(claim.measured, 3))}</b>
          ${!missing(claim.measured_lo) && html` <span class="interval">${format(claim.measured_lo, places(claim.measured, 3))} – ${format(claim.measured_hi, places(claim.measured, 3))}</span>`}
          ${claim.interval && html` <span class="unit">over <${Quoted}>${claim.interval}<//></span>`}; in the paper <${Quoted}>${claim.paper_value ?? "–"}<//></p>`}
        ${[claim.rule && `Holds if ${claim.rule}`, short(claim) !== claim.verdict && claim.verdict, claim.note].filter(Boolean).map((line) => html`<p class="note"><${Quoted} longest="2000">${line}<//></p>`)}
        <${ClaimLinks} claim=${claim} judged=${isJudged(claim)} />
      </div></li>`)}</ul>`;
}

// ---- help

function Help({ run }) {
  const [letters, setLetters] = useState(stored("keys") !== "off");
  const change = (event) => { stored("keys", event.target.checked ? "on" : "off"); setLetters(event.target.checked); };
  const terms = new Map([...run.shown, ...run.quantities].map((about) => [about.key, about]));
  return html`<h1 class="alone">Help</h1>
    <div class="columns even">
      <${Panel} title="Keys">
        <dl class="rows keys">${KEYS.map(([key, text]) => html`<dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${text}</dd>`)}</dl>
        <label><input type="checkbox" checked=${letters} onChange=${change} /> single letters are keys</label>
      <//>
      <${Panel} title="Search">
        <dl class="syntax">${SYNTAX.map(([code, text]) => html`<dt><code>${code}</code></dt><dd>${text}</dd>`)}</dl>
      <//>
    </div>
    <${Panel} title="Quantities">
      ${hasUnlike(run) && html`<p class="note">is:novel are latents of an SAE that was stitched as the larger of two, where no latent of the smaller one has a decoder cosine of ${run.settings.novel_below} or more to them.
        is:unlike are latents that fire and whose cosine to every latent of another SAE of the site, smaller, larger or of another seed, is below ${run.settings.novel_below}.</p>`}
      <dl class="terms">${[...terms.values()].map((about) => html`<dt>${about.label}${writtenAs(about).unit && html` <small>${writtenAs(about).unit}</small>`}</dt><dd>${about.sentence}</dd>`)}</dl>
    <//>
    <p class="note">This page was opened from files and loads nothing from elsewhere. Its libraries and their licences: <a href="assets/LICENSES.txt">LICENSES.txt</a>.</p>`;
}

// ---- the frame

const VIEWS = { overview: Overview, saes: Saes, sae: Sae, latents: Latents, meta: Latents, latent: Latent, texts: Texts, text: TextView, claims: Claims, compare: Compare, help: Help };
const PARENT = { sae: "saes", latent: "latents", text: "texts", compare: "latents" };

function SearchBox({ run, route }) {
  const view = route.parts[0];
  const lists = ["latents", "meta", "saes"];
  const here = lists.includes(view) ? (route.query.get("q") ?? "") : "";
  const [text, setText] = useState(here);
  const box = useRef();
  useEffect(() => setText(here), [here, view]);
  const type = (event) => {
    setText(event.target.value);
    clearTimeout(box.timer);
    const value = event.target.value;
    const later = () => location.hash === route.hash && go(changed(route, { q: value }), true);
    if (lists.includes(view)) box.timer = setTimeout(later, 60);
  };
  const submit = (event) => {
    event.preventDefault();
    document.activeElement.blur(); // the keys of the list from here on
    if (!lists.includes(view)) return go(address(["latents"], { q: text }));
    clearTimeout(box.timer);
    const { rows } = current;
    if (view !== "saes" && rows?.length === 1 && here === text) return go(latentAddress(run, rows[0]));
    go(changed(route, { q: text }), true);
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <input id="search" type="search" autocomplete="off" spellcheck=${false} value=${text} onInput=${type} aria-label=${view === "saes" ? "Search SAEs" : "Search latents"}
      placeholder=${view === "saes" ? "Search SAEs: words, arch:topk, fvu<0.1" : "Search latents: words, sae:w1024, density<1%"} /><kbd aria-hidden="true">/</kbd>
  </form>`;
}

function App({ run }) {
  const [route, setRoute] = useState(() => parseAddress(location.hash));
  const [drawer, setDrawer] = useState(false);
  const view = route.parts[0] ?? "overview";
  useEffect(() => {
    const change = () => { setRoute(parseAddress(location.hash)); setDrawer(false); };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  const place = route.parts.join("/");
  const visited = useRef(false);
  useEffect(() => {
    if (view !== "text") scrollTo(0, 0);
    // After a step of the keyboard the focus was on what is no longer there.
    if (visited.current && document.activeElement === document.body) {
      document.getElementById("main").focus({ preventScroll: true });
    }
    visited.current = true;
    const heading = document.querySelector("main h1")?.textContent;
    document.title = `${heading && view !== "overview" ? `${heading.slice(0, 60)} · ` : ""}${run.name}`;
  }, [place]);
  const act = {
    "/": () => document.getElementById("search").focus(),
    Escape: () => (document.activeElement.matches("input, select") ? document.activeElement.blur() : PARENT[view] && history.back()),
    t: nextTheme, c: copyLink, "?": () => go(address(["help"])),
  };
  useKeys((key) => (act[key] ? (act[key](), true) : false));
  const View = Object.hasOwn(VIEWS, view) ? VIEWS[view] : null;
  const hasMeta = run.saes.some((sae) => sae.meta);
  const [, site, name] = route.parts;
  const parent = view === "latent" && run.saes[run.saeNumber(site, name, route.query.get("model"))]?.meta ? "meta" : (PARENT[view] ?? view);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to the content</a>
    <header class="top">
      <button type="button" class="menu" aria-expanded=${String(drawer)} aria-label="Menu" onClick=${() => setDrawer(!drawer)}>☰</button>
      <a class="brand" href=${address(["overview"])}><${Quoted}>${run.name}<//></a>
      <${SearchBox} run=${run} route=${route} />
      <button type="button" class="theme" onClick=${nextTheme} aria-label="Light or dark theme" title="Light or dark (t)">◐</button>
    </header>
    <nav class=${drawer ? "open" : ""} aria-label="Views">
      ${NAV.filter(([key]) => key !== "meta" || hasMeta).map(([key, label]) => html`<a href=${address([key])} aria-current=${key === parent ? "page" : undefined}>${label}</a>`)}
      <a href="index.html" class="away">Report</a>
    </nav>
    <main id="main" tabindex="-1" class=${`view-${View ? view : "unknown"}`}>
      <${Guard} key=${place}>${View ? html`<${View} run=${run} route=${route} meta=${view === "meta" ? true : view === "latents" ? false : undefined} />`
        : html`<${Unknown} what="There is no such page." nearest=${address(["overview"])} />`}<//>
    </main>`;
}

function start(content) {
  const page = document.getElementById("page");
  page.replaceChildren();
  render(content, page);
}

openRun().then(
  (run) => start(html`<${App} run=${run} />`),
  (error) => start(html`<main class="view-unknown"><h1>The data of this page cannot be read.</h1><p role="alert">${sentence(error)}</p></main>`),
);
