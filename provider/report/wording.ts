/** 128 → "128 ms", 1940 → "1.94 s", 125000 → "2 min 5 s". */
export function duration(ms: number): string {
  const whole = Math.round(ms);
  if (Math.abs(whole) < 1_000) return `${minus(whole)} ms`;
  if (Math.abs(whole) < 60_000) return `${minus(Number((ms / 1_000).toPrecision(3)))} s`;
  const seconds = Math.round(ms / 1_000);
  return `${minus(Math.trunc(seconds / 60))} min ${Math.abs(seconds % 60)} s`;
}

/** A point in time from an origin: "+128 ms", "−4.13 s", "0 ms". */
export function moment(ms: number): string {
  return Math.round(ms) > 0 ? `+${duration(ms)}` : duration(ms);
}

/** Decimal megabytes: 72351744 → "72.4 MB". */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A drawing has no room for a name of any length; tables and texts have it in full. */
export function shortened(name: string, length = 16): string {
  return name.length <= length ? name : `${name.slice(0, length - 1)}…`;
}

const minus = (value: number) => String(value).replace("-", "−");
