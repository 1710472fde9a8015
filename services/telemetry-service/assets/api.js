// Asks the REST side. Never throws: no network, no answer and no JSON are an answer with status 0.

const PATIENCE_MS = 15_000;

/**
 * @param {string} path
 * @param {string} token  goes into a header, never into the address
 * @returns {Promise<{ status: number, body: any, retryAfterMs: number }>}
 */
export async function ask(path, token) {
  try {
    const response = await fetch(path, {
      headers: { Authorization: `Bearer ${token}` },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const retryAfterMs = Number(response.headers.get("Retry-After") ?? 0) * 1000;
    return { status: response.status, body: await response.json(), retryAfterMs };
  } catch {
    return { status: 0, body: null, retryAfterMs: 0 };
  }
}
