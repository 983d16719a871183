"""The script of the review page: keys and buttons decide, the browser remembers, and a button saves review.csv."""

from __future__ import annotations

SCRIPT = """
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const key = "flywheel-clean-" + data.sprint;
const sections = [...document.querySelectorAll("section")];
const rows = new Map(data.rows.map(row => [row.issue, row]));
let kept = {};
try { kept = JSON.parse(localStorage.getItem(key)) || {}; } catch (error) { kept = {}; }
let now = 0, since = Date.now();
for (const [issue, decided] of Object.entries(kept)) if (rows.has(issue)) Object.assign(rows.get(issue), decided);
const reviewer = document.getElementById("reviewer");
reviewer.value = kept[""] || (data.rows.find(row => row.reviewer) || {reviewer: ""}).reviewer;
reviewer.addEventListener("change", () => { kept[""] = reviewer.value; store(); });

function store() { try { localStorage.setItem(key, JSON.stringify(kept)); } catch (error) { /* a private window: saved by hand alone */ } }

function show() {
  let decided = 0;
  sections.forEach((section, at) => {
    const decision = rows.get(section.dataset.issue).decision;
    if (decision) decided += 1;
    section.classList.toggle("done", Boolean(decision));
    section.classList.toggle("now", at === now);
    for (const button of section.querySelectorAll("button")) button.classList.toggle("on", button.dataset.decision === decision);
    const select = section.querySelector("select");
    select.value = decision.startsWith("class=") ? decision : "";
    select.classList.toggle("on", decision.startsWith("class="));
  });
  document.getElementById("count").textContent = decided + " of " + sections.length + " decided";
}

function go(at) {
  now = Math.max(0, Math.min(sections.length - 1, at));
  since = Date.now();
  show();
  if (sections[now]) sections[now].scrollIntoView({block: "start", behavior: "auto"});
}

function decide(at, decision) {
  const row = rows.get(sections[at].dataset.issue);
  const seconds = Math.round((Date.now() - since) / 100) / 10;
  row.decision = decision;
  row.seconds = decision && at === now && seconds <= 300 ? seconds : null;
  row.reviewer = decision ? reviewer.value.trim() : "";
  kept[row.issue] = {decision: row.decision, seconds: row.seconds, reviewer: row.reviewer};
  store();
  if (decision) go(at + 1); else show();
}

sections.forEach((section, at) => {
  for (const button of section.querySelectorAll("button")) button.addEventListener("click", () => decide(at, button.dataset.decision));
  section.querySelector("select").addEventListener("change", event => decide(at, event.target.value));
});

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  if (!sections.length) return;
  const words = {a: "accept", k: "keep", d: "delete"};
  if (words[event.key]) {
    const button = sections[now].querySelector("[data-decision=" + words[event.key] + "]");
    if (!button.disabled) decide(now, words[event.key]);
  } else if (event.key === "u") decide(now, "");
  else if (event.key === "j" || event.key === "ArrowDown") go(now + 1);
  else if (event.key === "ArrowUp") go(now - 1);
  else return;
  event.preventDefault();
});

function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\\r\\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

document.getElementById("save").addEventListener("click", () => {
  const lines = [data.columns, ...data.rows.map(row => data.columns.map(name => row[name]))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.map(line => line.map(cell).join(",") + "\\n").join("")], {type: "text/csv"}));
  link.download = "review.csv";
  link.click();
});
show();
"""
