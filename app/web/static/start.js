"use strict";

// Figures are looked at, not announced: a screen reader would otherwise speak every few seconds.
const list = document.getElementById("figures");
const absent = document.getElementById("absent");

async function refresh() {
  if (document.hidden) return;
  let figures = {};
  try {
    const answer = await fetch("/figures");
    if (answer.ok) figures = await answer.json();
  } catch {
    // The next round asks again.
  }
  const known = Object.keys(figures).length > 0;
  list.hidden = !known;
  absent.hidden = known;
  for (const place of list.querySelectorAll("dd")) {
    const count = figures[place.dataset.name];
    if (count === undefined) continue;
    const capped = place.dataset.name === "taps" && count >= Number(list.dataset.most);
    const text = capped ? `${list.dataset.more} ${count}` : String(count);
    if (place.textContent !== text) place.textContent = text;
  }
}

setInterval(refresh, 5000);
