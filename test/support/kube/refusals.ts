/** What tests say of calls that the API server does not grant. */
import assert from 'node:assert/strict';
import { KubeError } from './client.js';

/** For `assert.rejects`: the server refused with that status of HTTP, in words that match. */
export function refusal(code: number, message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof KubeError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** Whether the answer is that refusal; rejects where it is another. */
export async function isRefused(answer: Promise<unknown>, code: number): Promise<boolean> {
  try {
    await answer;
    return false;
  } catch (error) {
    if (error instanceof KubeError && error.code === code) return true;
    throw error;
  }
}
