// What the cards of a project's page share: what is stored, what is live, the last test; and the ways to change it. Whoever
// shows something listens.

import { ApiError, get, post, put } from "./api.js";
import { now } from "./clock.js";
import { mapped } from "./mapping.js";

/** A change of an integration is in force everywhere after so many seconds (docs/API.md). */
export const EFFECT_SECONDS = 30;

export class Desk {
  #listeners = [];
  trial = null;
  savedAt = null;
  problem = null;

  constructor(page, project, integration) {
    this.page = page;
    this.session = page.session;
    this.slug = project.slug;
    this.project = project;
    this.integration = integration;
  }

  get path() {
    return `/api/projects/${this.slug}`;
  }

  get isConnected() {
    return Boolean(this.integration.api_base_url && this.integration.status_endpoint);
  }

  /** What the mapping leaves open becomes this. */
  get unmappedStatus() {
    return this.integration.unmapped_status ?? this.session.unmapped_status;
  }

  listen(listener) {
    this.#listeners.push(listener);
    listener("all");
  }

  /** `what` is project, integration or trial. */
  tell(what) {
    for (const listener of this.#listeners) listener(what);
  }

  async look() {
    this.project = await get(this.path, { signal: this.page.signal });
    this.tell("project");
  }

  async change(facts) {
    this.project = await put(this.path, facts);
    this.tell("project");
  }

  /** Stores `fields` of the integration if nobody else has stored some since we read it. */
  async save(fields) {
    const etag = this.integration.etag;
    const headers = etag ? { "If-Match": etag } : {};
    this.integration = await put(`${this.path}/integration`, fields, { headers });
    this.savedAt = Date.now();
    this.tell("integration");
  }

  /** Reads anew what is stored. */
  async reread() {
    this.integration = await get(`${this.path}/integration`);
    this.tell("integration");
  }

  /** Asks the client API once, with `overrides` laid over what is stored. */
  async test(overrides = {}) {
    const answer = await post(`${this.path}/integration/test`, overrides, { signal: this.page.signal });
    this.trial = { ...answer, overrides, at: new Date(now()).toISOString() };
    this.tell("trial");
  }

  /** Says what words mean, `[[word, status or null]]`, and looks again at what that makes of the units last tested. */
  async map(meanings) {
    const before = this.integration.status_mapping;
    await this.save({ status_mapping: mapped(before, meanings) });
    await this.again();
    return before;
  }

  /** Repeats the last test, for what is shown of it to be true; that it cannot be repeated is no news. */
  async again() {
    if (this.trial) await this.test(this.trial.overrides).catch(() => {});
  }
}

export const isStale = (error) => error instanceof ApiError && error.status === 412;
