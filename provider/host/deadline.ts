/** The outcome of a task, or `late()` thrown when it has not come in time. The task itself goes on. */
export async function within<T>(ms: number, task: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([task, promise]);
  } finally {
    clearTimeout(timer);
  }
}
