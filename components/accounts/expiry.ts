/** How long a new key may live, at most a year. */
export const EXPIRY_CHOICES = [
  { days: 7, label: "7 days" },
  { days: 30, label: "30 days" },
  { days: 90, label: "90 days" },
  { days: 180, label: "180 days" },
  { days: 365, label: "1 year" },
] as const;

export const DEFAULT_EXPIRY_DAYS = 90;

/** The ISO time that many days from now. */
export function expiryAfter(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}
