"use strict";
// A table of any length of which only the rows in sight are in the page.

const remembered = new Map(); // address -> the row that was open or marked there

/**
 * columns: {key, label, unit, title, numeric, width: [least, grow], phone, cell(row)}; rows: anything indexable;
 * `keyOf(row)` names a row; `open(row)` goes there; `active` survives going away and coming back.
 */
function Grid({ label, columns, rows, keyOf, open, sort, onSort, place }) {
  const pane = useRef();
  const [, redraw] = useState(0);
  const [active, setActive] = useState(() => remembered.get(place) ?? 0);
  const narrow = useNarrow();
  const at = Math.max(0, Math.min(active, rows.length - 1));
  const virtual = useVirtual(pane, rows.length, narrow ? 92 : 38, () => redraw((n) => n + 1));

  const move = useCallback(
    (to, focus) => {
      const next = Math.max(0, Math.min(rows.length - 1, to));
      setActive(next);
      remembered.set(place, next);
      virtual.scrollToIndex(next);
      if (focus) requestAnimationFrame(() => pane.current?.querySelector(`[data-row="${next}"]`)?.focus());
    },
    [rows.length, place, virtual],
  );
  useEffect(() => {
    const before = remembered.get(place) ?? 0;
    setActive(before);
    virtual.scrollToIndex(Math.min(before, Math.max(0, rows.length - 1)));
  }, [place, rows.length, narrow]);
  useKeys((key) => {
    const page = Math.max(1, Math.floor((pane.current?.clientHeight ?? 400) / 38) - 2);
    const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (key in steps) return move(at + steps[key], true), true;
    if (key === "Home" || key === "End") return move(key === "Home" ? 0 : rows.length, true), true;
    if (key === "Enter" && rows.length && !document.activeElement.closest("a, button, input, select")) {
      return open(rows[at]), true;
    }
    return false;
  });

  const template = columns.map(({ width: [least, grow] }) => `minmax(${least}px, ${grow}fr)`).join(" ");
  const least = columns.reduce((sum, column) => sum + column.width[0] + 12, 44);
  const sorts = parseSort(sort);
  return html`<div
    class="grid"
    role="grid"
    aria-label=${label}
    aria-rowcount=${rows.length + 1}
    aria-colcount=${columns.length}
    style=${{ "--columns": template, "--least": `${least}px` }}
  >
    <div role="rowgroup">
      <div role="row" class="head" aria-rowindex="1">
        ${columns.map((column) => html`<${Head} column=${column} sorts=${sorts} onSort=${onSort} />`)}
      </div>
    </div>
    <div role="rowgroup" class="pane" ref=${pane}>
      <div class="sizer" style=${{ height: `${virtual.getTotalSize()}px` }}>
        ${virtual.getVirtualItems().map(({ index, start, size }) => {
          const row = rows[index];
          return html`<div
            role="row"
            key=${keyOf(row)}
            data-row=${index}
            class=${`row ${index === at ? "active" : ""}`}
            tabindex=${index === at ? 0 : -1}
            aria-rowindex=${index + 2}
            style=${{ transform: `translateY(${start}px)`, height: `${size}px` }}
            onFocus=${() => index !== active && move(index)}
            onClick=${(event) => {
              remembered.set(place, index);
              if (!event.target.closest("a, button")) open(row);
            }}
          >
            ${columns.map((column) => {
              const content = column.cell(row);
              return html`<div
                role="gridcell"
                key=${column.key}
                class=${`${column.numeric ? "number" : ""} ${column.phone ? "phone" : ""} c-${column.kind ?? "value"}`}
                data-label=${column.label}
                data-unit=${(typeof content === "string" && column.unit) || undefined}
              >
                ${content}
              </div>`;
            })}
          </div>`;
        })}
      </div>
    </div>
  </div>`;
}

function Head({ column, sorts, onSort }) {
  const rank = sorts.findIndex(([key]) => key === column.key);
  const down = rank >= 0 && sorts[rank][1];
  const state = rank < 0 ? "none" : down ? "descending" : "ascending";
  const arrow = rank < 0 ? "" : `${down ? "↓" : "↑"}${sorts.length > 1 ? "₁₂"[rank] : ""}`;
  return html`<div role="columnheader" aria-sort=${state} class=${column.numeric ? "number" : ""}>
    <button
      type="button"
      title=${column.title ?? column.label}
      onClick=${(event) => onSort(column.key, Boolean(column.numeric), event.shiftKey)}
    >
      ${column.label}${column.unit && html` <small>${column.unit}</small>`}<i aria-hidden="true">${arrow}</i>
    </button>
  </div>`;
}

function useVirtual(pane, count, size, onChange) {
  const options = {
    count,
    getScrollElement: () => pane.current,
    estimateSize: () => size,
    scrollToFn: lib.elementScroll,
    observeElementRect: lib.observeElementRect,
    observeElementOffset: lib.observeElementOffset,
    overscan: 6,
    onChange,
  };
  const [virtual] = useState(() => new lib.Virtualizer(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  useLayoutEffect(() => virtual.measure(), [size]);
  return virtual;
}

const NARROW = matchMedia("(max-width: 720px)");
function useNarrow() {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const change = () => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", change);
    return () => NARROW.removeEventListener("change", change);
  }, []);
  return narrow;
}

// ---- keys: the view that was drawn last is asked first

const listeners = [];
function useKeys(listener) {
  const latest = useRef();
  latest.current = listener;
  // At once, not after the next picture: no key may fall between two views.
  useLayoutEffect(() => {
    const call = (...args) => latest.current(...args);
    listeners.unshift(call);
    return () => listeners.splice(listeners.indexOf(call), 1);
  }, []);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest?.("input, textarea, select");
  if (typing && event.key !== "Escape") return;
  if (event.key.length === 1 && stored("keys") === "off") return;
  for (const listener of listeners) {
    if (listener(event.key, event)) {
      event.preventDefault();
      return;
    }
  }
});
