// TextFormatting: text for people, always in English, and text of others that no terminal shall obey.
//
//   HumanText      counts, bytes, rates and durations
//   EscapedText    escapingControls for lines, escapingInJSON for documents, quoted for values
