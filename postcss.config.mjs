/** Tailwind 4 is a PostCSS plugin; it reads its theme from app/globals.css. */
export default { plugins: { "@tailwindcss/postcss": {} } };
