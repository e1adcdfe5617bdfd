/**
 * An e-mail address as it is compared and counted: compatibility forms, case, spaces and invisible characters make no
 * difference, so that variants of one address are one account (LGN-1). Core.
 */
export function emailKey(email: string): string {
  return email
    .normalize("NFKC")
    .replace(/[\s\p{Cf}\p{Cc}]/gu, "")
    .toLowerCase()
    .normalize("NFKC");
}
