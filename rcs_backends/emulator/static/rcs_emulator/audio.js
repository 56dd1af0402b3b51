// A sound in a bubble: its name, how long it plays, and a button that plays it. Nothing is fetched before the tap.

import { button, el, icon, link, put, webAddress } from "./dom.js";

let playing = null; // one at a time, as on a phone

export function audioBubble(message) {
  const media = message.media ?? {};
  const address = webAddress(media.url);
  const name = media.name || media.alt || message.text || lastPart(media.url) || "Sound";
  const time = el("small", {}, lengthOf(media.seconds) || media.media_type || "sound");
  const bar = el("span", { class: "played", "aria-hidden": "true" }, el("i"));
  const title = el("span", { class: "file-name" }, address ? link(address, name) : name);
  const words = el("span", { class: "sound-words" }, title, bar, time);
  return el("div", { class: "bubble sound" }, address ? player(address, name, bar, time, media) : icon("sound"), words);
}

function player(address, name, bar, time, media) {
  const play = button({ class: "round", onclick: () => toggle() }, icon("play"));
  const sound = new Audio();
  sound.preload = "none";
  const show = () => {
    play.replaceChildren(icon(sound.paused ? "play" : "pause"));
    put(play, { "aria-label": `${sound.paused ? "Play" : "Pause"} ${name}` });
  };
  const fail = () => {
    show();
    put(time, { text: "cannot be played" });
  };
  for (const event of ["play", "pause", "ended"]) sound.addEventListener(event, show);
  sound.addEventListener("timeupdate", () => progress(sound, media, bar, time));
  show();

  function toggle() {
    if (!sound.paused) return sound.pause();
    playing?.pause();
    playing = sound;
    if (!sound.src) sound.src = address;
    return sound.play().catch((error) => error.name === "AbortError" || fail());
  }
  return play;
}

function progress(sound, media, bar, time) {
  const all = Number.isFinite(sound.duration) ? sound.duration : media.seconds;
  bar.firstChild.style.width = all ? `${Math.min(100, (100 * sound.currentTime) / all)}%` : "0";
  put(time, { text: [lengthOf(sound.currentTime) || "0:00", lengthOf(all)].filter(Boolean).join(" / ") });
}

function lengthOf(seconds) {
  if (!seconds) return "";
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function lastPart(url) {
  return (url ?? "").split(/[?#]/)[0].split("/").pop();
}
