// Web: what `dbxsync web` reads and writes, as values; it opens nothing and knows nothing of dbxsync.
//
//   RequestReader   bytes become a request, or a refusal: HTTP/1.0 and 1.1, GET and HEAD alone, at most 8 KiB
//   HostRule        under which names the page answers (DNS rebinding)
//   WebAnswer       an answer as bytes, with what keeps a browser from doing anything else with it
//   Markup          text of others as HTML that means nothing
//   BarChart        numbers as an inline SVG
