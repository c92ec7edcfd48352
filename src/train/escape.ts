const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Makes any text safe as HTML content and as a quoted attribute. Control characters other than tab
 * and line feed, and lone surrogates, are not allowed in HTML and show as the replacement character.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[\p{Cs}\p{Cc}]/gu, (found) => found === "\n" || found === "\t" ? found : "\ufffd")
    .replace(/[&<>"']/g, (found) => ENTITIES[found]!);
}
