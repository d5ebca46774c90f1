"use strict";

// `/` goes to the search, as long as nothing is being typed.
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("find").focus();
});

// Type-ahead: the server renders the links, arrows walk them, Escape closes. Without this script the
// form leads to a page with the same links.
const find = document.getElementById("find");
const found = document.getElementById("found");
let asked = 0;

async function suggest() {
  const text = find.value.trim();
  const number = ++asked;
  if (!text) return close();
  const reply = await fetch(`/find/links?q=${encodeURIComponent(text)}`);
  // A later letter was typed meanwhile: that answer counts.
  if (number !== asked || !reply.ok) return;
  show(found, await reply.text());
  found.hidden = false;
}

function close() {
  found.hidden = true;
  found.replaceChildren();
}

function show(place, html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  place.replaceChildren(...parsed.body.childNodes);
}

let waiting;
find.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(suggest, 120);
});
find.form.addEventListener("keydown", (event) => {
  const links = [...found.querySelectorAll("a")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") {
    close();
    find.focus();
  } else if (step && links.length) {
    event.preventDefault();
    const at = links.indexOf(document.activeElement) + step;
    (at < 0 ? find : links[Math.min(at, links.length - 1)]).focus();
  }
});
document.addEventListener("focusin", (event) => {
  if (!find.form.contains(event.target)) close();
});
document.addEventListener("click", (event) => {
  if (!find.form.contains(event.target)) close();
});

// On a phone the pages are behind a button; without this script they stand above the content.
const menu = document.querySelector(".menu");
const pages = document.getElementById("pages");
menu.hidden = false;
pages.classList.add("folded");
menu.addEventListener("click", () => {
  const isFolded = pages.classList.toggle("folded");
  menu.setAttribute("aria-expanded", String(!isFolded));
});

// Parts of a page that follow the server: each event is the part as it is now.
const live = document.querySelector("[data-stream]");
if (live) {
  const source = new EventSource(live.dataset.stream);
  source.addEventListener("body", (event) => {
    // What a reader has focused or selected stays under the hand.
    const isHeld = live.contains(document.activeElement) || String(getSelection());
    if (!isHeld) show(live, event.data);
  });
  addEventListener("pagehide", () => source.close());
}

// A form with a word to type can be sent once that is typed; the server checks it again.
for (const input of document.querySelectorAll("[data-word]")) {
  const button = input.form.querySelector("button");
  const judge = () => { button.disabled = input.value.trim() !== input.dataset.word; };
  input.addEventListener("input", judge);
  judge();
}
