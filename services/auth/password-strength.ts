import { ErrorReason, refuse } from "./errors.ts";

/** Long enough for the contract, and still among the first that are tried. */
const COMMON: ReadonlySet<string> = new Set([
  "password12",
  "password123",
  "password1234",
  "passw0rd123",
  "qwertyuiop",
  "qwerty123456",
  "1qaz2wsx3edc",
  "1q2w3e4r5t",
  "1q2w3e4r5t6y",
  "letmein123",
  "iloveyou123",
  "iloveyou12",
  "sunshine123",
  "football123",
  "basketball",
  "welcome123",
  "welcome1234",
  "administrator",
  "administrator1",
  "admin12345",
  "changeme123",
  "superman123",
  "princess123",
  "monkey12345",
  "dragon12345",
  "trustno1234",
  "michael123",
  "liverpool1",
  "qwertzuiop",
  "azertyuiop",
  "zxcvbnm123",
  "asdfghjkl1",
  "asdfghjkl123",
  "mypassword",
  "mypassword1",
  "correcthorsebatterystaple",
]);

/**
 * Refuses a password that is guessed among the first (NIST SP 800-63B, 3.1.1.2): a common one, a
 * repetition, a row of neighbours, or the address of its account. It asks for no mixture of signs.
 *
 * @param field where it stands in the request
 * @param password as the user typed it
 * @param email the address of the account
 * @throws SoukError PASSWORD_TOO_WEAK
 */
export function requireStrongPassword(field: string, password: string, email: string): void {
  const plain = password.normalize("NFKC").toLowerCase();
  const [localPart = ""] = email.toLowerCase().split("@", 1);
  const weak =
    COMMON.has(plain) ||
    plain === email.toLowerCase() ||
    (localPart.length > 2 && plain.replaceAll(localPart, "").length < 4) ||
    /^(.{1,8}?)\1+$/su.test(plain) ||
    isRow(plain);
  if (!weak) return;
  const description = "is too easy to guess; a few words that do not belong together are better";
  throw refuse(ErrorReason.PASSWORD_TOO_WEAK, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** Whether each sign follows the one before it, up or down, as in 0123456789 and zyxwvutsrq; 9 goes on with 0. */
function isRow(text: string): boolean {
  const codes = [...text].map((sign) => sign.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => code - (codes[index] ?? 0));
  return [1, -1].some((step) => steps.every((it) => it === step || it === -9 * step));
}
