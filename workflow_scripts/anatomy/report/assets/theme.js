"use strict";
// The theme and the keys' switch, read before anything is drawn. Storage may be forbidden.

function stored(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`anatomy-${name}`, value);
    return localStorage.getItem(`anatomy-${name}`);
  } catch {
    return value ?? null;
  }
}

function showTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

showTheme(stored("theme"));
