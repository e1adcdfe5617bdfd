import { migrateDatabase } from "@/drizzle/migrate";
import { issueResetCode } from "@/lib/accounts/bootstrap";
import { settings } from "@/lib/config";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { LaunchError } from "@/lib/db/launch-error";
import { runCommand, say, withDatabase } from "./command";

/** `npm run reset-password -- <email>`: a one-time link with which an existing account gets a new password. */
export function resetPassword(args: string[]): Promise<never> {
  return runCommand(async () => {
    const [email] = args;
    if (args.length !== 1 || !email?.includes("@"))
      throw new LaunchError("Say whose password: npm run reset-password -- somebody@example.com");
    await withDatabase(async (url) => {
      await migrateDatabase(url, say);
      await openKeyring(say);
      try {
        const code = await issueResetCode(email);
        say(`Whoever opens this link sets a new password for ${email}; it works once.`);
        say(`Set up: ${settings().url}/setup#${code}`);
      } finally {
        await closeDatabase();
      }
    });
  });
}
