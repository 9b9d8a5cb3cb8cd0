// SPDX-License-Identifier: Apache-2.0
// The page of a desk: finds the agent of this workstation, shows it tickets of the service, and what it says. Nothing is kept.
"use strict";

// The agent ends a channel ten minutes after the last ticket: two tries fit in.
const HEALTH_MS = 1000, AGAIN_MS = 3000, STAY_MS = 240000;
const $ = (id) => document.getElementById(id);
const post = (path, body) => fetch(path, {
  method: "POST", credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body),
  headers: body === undefined ? {} : {"Content-Type": "application/json"},
});
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

class Shown extends Error {
  constructor(state) { super(state); this.state = state; }
}

// --- signing in and out

const form = $("connexion");
if (form) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = {cookie: true};
  for (const [name, value] of new FormData(form)) if (value) asked[name] = value;
  const refused = (text) => { $("erreur").textContent = text; $("erreur").hidden = false; };
  try {
    const reply = await post("v1/sessions", asked);
    if (reply.status === 201) location.reload();
    else refused((await reply.json()).title_fr);
  } catch { refused("Le service ne répond pas : réessayez dans un instant."); }
});

const out = $("sortir");
if (out) out.addEventListener("click", async () => {
  await fetch("v1/sessions", {method: "DELETE", credentials: "same-origin"});
  location.reload();
});

// --- what is shown

function show(state) {
  const place = $("etat");
  const found = document.querySelector(`template[data-state="${CSS.escape(state)}"]`)
    || document.querySelector('template[data-state="failed:reader_failed"]');
  if (state !== "read") forget();
  if (place.dataset.state === state) return;
  place.replaceChildren(found.content.cloneNode(true));
  place.dataset.state = state;
  place.dataset.tone = found.dataset.tone;
}

function forget() {
  $("carte").hidden = true;
  for (const field of document.querySelectorAll("[data-field]")) field.textContent = "";
  $("beneficiaires").replaceChildren();
  $("organisme").textContent = $("complementaire").textContent = "";
}

// Eight digits as they are: the day may be none of the calendar.
const day = (text) => /^\d{8}$/.test(text || "") ? `${text.slice(6)}/${text.slice(4, 6)}/${text.slice(0, 4)}` : text || "–";
const nir = (text) => (text || "–").replace(/^(.)(..)(..)(..)(...)(...)(..)$/, "$1 $2 $3 $4 $5 $6 $7");
const span = (from, to) => `du ${day(from)} au ${day(to)}`;

function today() {
  const now = new Date();
  return `${now.getFullYear()}${String(now.getMonth() + 1).padStart(2, "0")}${String(now.getDate()).padStart(2, "0")}`;
}

function cell(row, text, kind) {
  const made = row.insertCell();
  made.textContent = text;
  if (kind) made.className = kind;
}

function family(told) {
  $("famille").hidden = !told;
  $("sans-droits").hidden = Boolean(told);
  if (!told) return;
  $("organisme").textContent = `Régime ${told.regime || "–"}, caisse ${told.caisse || "–"}, centre ${told.centre || "–"}`;
  for (const one of told.beneficiaries) {
    const row = $("beneficiaires").insertRow(), now = today();
    const open = one.amo.some((right) => right.begins <= now && (!right.ends || now <= right.ends));
    cell(row, one.quality || "–");
    cell(row, `${one.last_name} ${one.first_name}`);
    cell(row, day(one.birth_date));
    cell(row, `${open ? "Ouverts" : "Fermés"} ${one.amo.map((right) => span(right.begins, right.ends)).join(", ")}`, open ? "open" : "shut");
    cell(row, one.coverage.map((right) => `${right.code}${right.ald ? " (ALD)" : ""} ${span(right.begins, right.ends)}`).join(", ") || "–");
  }
  const who = {mutuelle: "Mutuelle", amc: "Complémentaire"}[told.complement];
  $("complementaire").textContent = who ? `${who} : ${told.complement_number}` : "Pas de complémentaire sur la carte";
}

function card(told) {
  forget();
  if (!told.identity) return show("not_vitale");
  show("read");
  for (const field of document.querySelectorAll("[data-field]")) {
    const name = field.dataset.field, value = told.identity[name];
    field.textContent = name === "birth_date" ? day(value) : name === "nir" ? nir(value) : (value || "–").trim();
  }
  family(told.family);
  $("carte").hidden = false;
}

// --- the agent

async function health(port) {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}${$("poste").dataset.health}`, {signal: AbortSignal.timeout(HEALTH_MS), credentials: "omit"});
    const told = await reply.json();
    return told.product === "desmos-agent" && told.protocol === 1 ? {port, ...told} : {port, other: true};
  } catch (error) {
    // Whoever accepts and never answers is no agent; nobody at all fails at once.
    return {port, other: error.name === "TimeoutError", none: error.name !== "TimeoutError"};
  }
}

async function denied() {
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      if ((await navigator.permissions.query({name})).state === "denied") return true;
    } catch { /* This browser knows no such permission. */ }
  }
  return false;
}

async function find() {
  const ports = $("poste").dataset.ports.split(" ");
  const found = await Promise.all(ports.map(health));
  const agents = found.filter((one) => one.instance);
  if (!agents.length) throw new Shown(await denied() ? "denied" : found.some((one) => one.other) ? "other_program" : "no_agent");
  const list = $("agent"), chosen = list.value;
  $("choix").hidden = agents.length < 2;
  list.replaceChildren(...agents.map((one) => new Option(one.desk, one.instance, false, one.instance === chosen)));
  return agents.sort((one, other) => (other.instance === list.value) - (one.instance === list.value));
}

// On a machine with several people's sessions the agents of all answer: the chosen one first, then whichever is the centre's.
async function enter(agents) {
  for (const agent of agents) {
    try { return [agent, await ticket(agent, "watch")]; } catch (error) { if (error.state !== "unknown_agent") throw error; }
  }
  throw new Shown("unknown_agent");
}

async function ticket(agent, use) {
  let reply;
  try { reply = await post(`v1/agents/${agent.instance}:${use}`); } catch { throw new Shown("service_away"); }
  if (reply.ok) return (await reply.json()).ticket;
  throw new Shown({401: "signed_out", 403: "signed_out", 404: "unknown_agent", 429: "ceiling"}[reply.status] || "service_away");
}

function follow(agent, first) {
  return new Promise((done) => {
    const ws = new WebSocket(`ws://127.0.0.1:${agent.port}${$("poste").dataset.path}`);
    const another = () => ws.close();
    const say = (type, ticket) => { if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({type, ticket})); };
    let end = "";
    const stay = setInterval(async () => {
      try { say("open", await ticket(agent, "watch")); } catch (error) {
        if (error.state !== "service_away") { end = error.state; ws.close(); }
      }
    }, STAY_MS);
    $("agent").addEventListener("change", another, {once: true});
    ws.onopen = () => say("open", first);
    ws.onmessage = async (event) => {
      const told = JSON.parse(event.data);
      if (told.state === "read") return card(told);
      show(told.state === "failed" ? `failed:${told.code}` : told.state);
      if (told.state === "refused") end = "refused";
      if (told.state !== "card") return;
      try { say("read", await ticket(agent, "read")); } catch (error) { end = error.state; ws.close(); }
    };
    ws.onclose = () => { clearInterval(stay); forget(); $("agent").removeEventListener("change", another); done(end); };
  });
}

async function run() {
  for (;;) {
    try {
      const end = await follow(...await enter(await find()));
      if (end) throw new Shown(end);
    } catch (error) {
      show(error instanceof Shown ? error.state : "no_agent");
      if (error.state === "signed_out") return;
      await wait(AGAIN_MS);
    }
  }
}

if ($("poste")) run();
