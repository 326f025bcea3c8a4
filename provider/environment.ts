/** A setting as the environment has it where the stack's configuration says nothing: `sshKeyFile` as `TURNTABLE_SSH_KEY_FILE`. */
export function settingInEnvironment(key: string): string | undefined {
  return process.env[`TURNTABLE_${key.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`];
}
