// The emulator's control API as functions. They give its JSON, or throw an Error with the emulator's own sentence.

const base = document.body.dataset.base;
const PATIENCE = 10_000; // milliseconds; a page that waits for ever cannot say that the emulator is gone

export const api = {
  writes: 0, // answers asked for before the latest write are out of date
  get: (path) => ask("GET", path),
  post: (path, body) => write("POST", path, body),
  remove: (path) => write("DELETE", path),
};

export function handsetPath(number, rest = "") {
  return `handsets/${encodeURIComponent(number)}/${rest}`;
}

async function write(method, path, body) {
  api.writes += 1;
  try {
    return await ask(method, path, body);
  } finally {
    api.writes += 1;
  }
}

async function ask(method, path, body) {
  const response = await fetch(base + path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE),
  }).catch(() => {
    throw new Error("The emulator does not answer.");
  });
  const text = await response.text();
  if (!response.ok) throw new Error(reason(text) ?? `The emulator answered ${response.status}.`);
  return text ? JSON.parse(text) : null;
}

function reason(text) {
  try {
    return JSON.parse(text).error ?? null;
  } catch {
    return null;
  }
}

// Runs what a person asked for; a failure is shown to them rather than lost in the console.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    showToast(error.message);
    return null;
  }
}

let hideTimer;

export function showToast(sentence) {
  const toast = document.getElementById("toast");
  toast.textContent = sentence;
  toast.hidden = false;
  clearTimeout(hideTimer);
  hideTimer = setTimeout(() => (toast.hidden = true), 6000);
}
