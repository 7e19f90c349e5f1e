/** Buckets of keys and values that outlive the process and the node. Grant: `key-value`. */
import * as store from "wasi:keyvalue/store@0.2.0-draft2";
import type { Bucket } from "wasi:keyvalue/store@0.2.0-draft2";
import { utf8Decode, utf8Encode } from "./utf8.ts";

export type { Bucket };

/** Opens a bucket. */
export function openBucket(name: string): Bucket {
  return store.open(name);
}

/** The value of a key, read as JSON; `null` when there is none. */
export function getJson<T = unknown>(bucket: Bucket, key: string): T | null {
  const bytes = bucket.get(key);
  return bytes ? (JSON.parse(utf8Decode(bytes)) as T) : null;
}

/** Sets a value to a JSON text. It is durable when this returns. */
export function setJson(bucket: Bucket, key: string, value: unknown): void {
  bucket.set(key, utf8Encode(JSON.stringify(value)));
}
