/** Variables a program needs from the shell whatever it is: where to find things, and how to speak. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'JAVA_HOME',
  'NO_COLOR',
  'NODE_EXTRA_CA_CERTS',
  'ORDERFLOW_TEST_RUN',
] as const;

/** The part of the shell's environment that children get; the rest (a DATABASE_URL of another project) stays out. */
export function systemEnv(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}
