import { cx } from "./cx";
import { hueOf } from "./hue";

export interface TileProps {
  /** Its first letter (or two initials when round) is shown. */
  name: string;
  /** What the hue comes from, such as the client's host; the name when absent. */
  seed?: string | null | undefined;
  size?: "sm" | "md" | "lg";
  /** A person. */
  round?: boolean;
}

function letters(name: string, two: boolean): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const last = two && words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}

/** A letter tile standing for a provider, workspace or person. Decoration: the name must be said beside it. */
export function Tile({ name, seed, size = "md", round = false }: TileProps) {
  return (
    <span
      className={cx("tile", size !== "md" && `tile-${size}`, round && "tile-round")}
      data-hue={hueOf(seed || name)}
      aria-hidden
    >
      {letters(name, round)}
    </span>
  );
}
