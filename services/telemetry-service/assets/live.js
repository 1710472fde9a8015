// The live page: the token opens the socket, the REST side names the devices, pushes change the cards and the alerts,
// and one line says how far all of it can be believed. Each of them lives in a module of its own.

import { Alerts } from "./alerts.js";
import { ask } from "./api.js";
import { Devices } from "./devices.js";
import { History } from "./history.js";
import { KeyField } from "./key.js";
import { Link } from "./link.js";
import { LiveSocket } from "./socket.js";
import { Token, tenantOf } from "./token.js";
import { say, translate } from "./words.js";

/** As many as a socket may subscribe to. */
const MOST_DEVICES = 500;
/** The status of devices, and new ones, are only told by the list. */
const LIST_EVERY_MS = 60_000;
const LIST_RETRY_MS = 5_000;

const element = (id) => document.getElementById(id);

const token = new Token(); // first: it takes the token out of the address
translate(document);
const link = new Link();
const alerts = new Alerts();
const history = new History(token, (device, readings) => devices.recall(device, readings));
const devices = new Devices({ added: (card) => history.follow(card), removed: (card) => history.unfollow(card) });
const key = new KeyField({ given: use, forgotten: forget });
let pendingToken = null;
let listTimer;
let listRound = 0;

const socket = new LiveSocket(token, {
  message: (message) => hear(message),
  phase: (phase, retryAt, why) => {
    // The connection broke before the new token was looked at: the next attempt does that.
    if (phase === "waiting" && pendingToken) replaceToken(pendingToken);
    link.phase(phase, retryAt, why);
  },
  ended: (reason) => end(reason),
});

start();

// A page kept for the Back button must not hold a socket; when it is shown again, it resumes.
addEventListener("pagehide", () => socket.close());
addEventListener("pageshow", (event) => {
  if (event.persisted) start();
});
// Who comes back to the page, or to the network, does not wait for a timer.
const hurry = () => socket.isWaiting && document.visibilityState === "visible" && socket.open();
addEventListener("online", hurry);
document.addEventListener("visibilitychange", hurry);

function start() {
  key.show(token);
  element("title").textContent = token.tenant || "Farol";
  document.title = say("titleOf", { tenant: token.tenant || say("devices") });
  if (!token.text) {
    link.ended("noToken");
    key.demand();
    return;
  }
  socket.open();
  list();
}

/** A token was given: the first one, one after the end, or one that renews a connection in place. */
function use(text) {
  if (token.text && tenantOf(text) === token.tenant && socket.renew(text)) {
    pendingToken = text;
    return;
  }
  replaceToken(text);
  key.done();
  start();
}

function replaceToken(text) {
  pendingToken = null;
  if (tenantOf(text) !== token.tenant) clear();
  token.keep(text);
  key.show(token);
}

function end(reason) {
  const newer = pendingToken;
  pendingToken = null;
  if (newer && reason === "expired") return use(newer); // its turn came too late to be in place
  if (newer) {
    key.tell("keyOther", { message: say(`${reason}Why`) });
    return socket.open(); // the old one still holds
  }
  stopListing();
  link.ended(reason);
  key.demand();
}

function forget() {
  socket.close();
  stopListing();
  token.forget();
  pendingToken = null;
  clear();
  start();
}

function clear() {
  socket.watch([]);
  devices.clear();
  alerts.clear();
  tellDevices("devicesWait");
  element("devices-count").textContent = "";
}

function hear(message) {
  switch (message.type) {
    case "telemetry":
      return devices.tell(message.device_id, message.data);
    case "alerts":
      return alerts.replace(message);
    case "state":
      return link.source(message);
    case "token_expiring":
      return key.remind(message.in_seconds);
    case "authenticated":
      return renewed();
    case "error":
      return refused(message.message);
  }
}

function renewed() {
  if (pendingToken) replaceToken(pendingToken);
  key.done();
  key.tell("keyRenewed");
}

/** Errors are answers to what this page said; the only thing that may go wrong is a new token. */
function refused(message) {
  if (pendingToken) key.tell("keyOther", { message });
  pendingToken = null;
}

async function list() {
  stopListing();
  const round = listRound;
  if (document.visibilityState === "hidden") {
    listTimer = setTimeout(list, LIST_RETRY_MS);
    return;
  }
  const asked = token.text;
  const { status, body, retryAfterMs } = await ask(`/api/v2/devices?limit=${MOST_DEVICES}`, asked);
  if (round !== listRound) return;
  if (asked !== token.text) return list(); // renewed meanwhile
  if (status === 401 || status === 403) return; // the socket tells
  if (status === 200) {
    devices.replace(body.devices);
    socket.watch(body.devices.map((device) => device.device_id));
    tellDevices(body.count === 0 ? "devicesNone" : null);
    element("devices-count").textContent = String(body.count);
    element("devices-more").hidden = body.count < MOST_DEVICES;
    element("devices-more").textContent = say("devicesFirst", { n: body.count });
  } else if (element("cards").children.length === 0) {
    tellDevices("devicesFailed");
  }
  const pause = status === 200 ? LIST_EVERY_MS : Math.max(LIST_RETRY_MS, retryAfterMs);
  listTimer = setTimeout(list, pause * (1 + Math.random() / 4));
}

/** No list is asked for any more, and what is under way does not count: it may be another tenant's. */
function stopListing() {
  clearTimeout(listTimer);
  listRound += 1;
}

/** What stands in the place of cards, or nothing. */
function tellDevices(told) {
  element("devices-empty").hidden = told === null;
  if (told) element("devices-empty").textContent = say(told);
}
