import type { Person } from "@/lib/sdk/resources";

/** First and last name, or the e-mail where there is none. */
export function personName({ attributes }: Person): string {
  return `${attributes.first_name} ${attributes.last_name}`.trim() || attributes.email;
}
