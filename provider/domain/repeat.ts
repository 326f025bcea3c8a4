/** Does a task again and again, never twice at once. The result ends it, and resolves when it does no more. */
export function repeat(task: () => Promise<void>, intervalMs: number, failed: (thrown: unknown) => void) {
  let ended = false;
  let running: Promise<void> = Promise.resolve();
  const once = (): void => {
    running = task()
      .catch(failed)
      .then(() => {
        if (!ended) timer = setTimeout(once, intervalMs).unref();
      });
  };
  let timer = setTimeout(once, 0).unref();
  return async (): Promise<void> => {
    ended = true;
    clearTimeout(timer);
    await running;
  };
}
