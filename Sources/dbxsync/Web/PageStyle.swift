import FoundationEssentials
import SyncModel

/// The style sheet of the page, and by which digest a browser knows it.
enum PageStyle {
    /// SHA-256 in base64, for the Content-Security-Policy.
    static var hash: String {
        let hasher = SHA256Hasher()
        Array(text.utf8).withUnsafeBytes { hasher.update($0) }
        return base64(hasher.finish())
    }

    /// RFC 4648, section 4.
    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Light and dark, by what the reader prefers; one column on a phone.
    static let text = """
        :root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--text:#1b2430;--soft:#586273;--line:#e0e4ea;\
        --ink:#2b67d8;--bar:#4f86e8;--good:#17734a;--warn:#8a5a00;--bad:#b3261e;--shade:#eef1f5}
        @media(prefers-color-scheme:dark){:root{--page:#0f1319;--card:#171d25;--text:#e3e8ef;--soft:#9aa5b4;\
        --line:#2a323d;--ink:#82b1ff;--bar:#5b93f5;--good:#57c792;--warn:#e2b455;--bad:#ff8a80;--shade:#1e2630}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,\
        "Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
        main,header,footer{max-width:66rem;margin:0 auto;padding:0 1rem}
        header{padding-top:1.25rem;color:var(--soft);display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:space-between}
        header h1{font-size:1rem;margin:0;font-weight:600;color:var(--text)}
        footer{padding-bottom:2rem;color:var(--soft);font-size:.85rem}
        section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.15rem;margin:1rem 0}
        h2{font-size:1rem;margin:0 0 .6rem;font-weight:600}
        h3{font-size:.9rem;margin:0;font-weight:600}
        p{margin:.3rem 0}
        a{color:var(--ink)}
        a:focus-visible,summary:focus-visible,input:focus-visible,select:focus-visible,button:focus-visible{\
        outline:2px solid var(--ink);outline-offset:2px}
        .soft,.note{color:var(--soft)}
        .state{border-left:6px solid var(--tone)}
        .state h2{font-size:1.5rem;line-height:1.25;margin:0;color:var(--tone)}
        .state p{margin:.35rem 0 0}
        .good{--tone:var(--good)}.busy{--tone:var(--ink)}.warn{--tone:var(--warn)}.bad{--tone:var(--bad)}
        .tone{color:var(--tone)}
        .mark{display:inline-block;width:1.5em}
        progress{display:block;width:100%;height:.65rem;margin:.75rem 0 .1rem;accent-color:var(--ink)}
        dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,14rem),1fr));gap:.9rem 1.5rem;margin:0}
        dt{color:var(--soft);font-size:.85rem}
        dd{margin:0}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.4rem 2rem}
        .charts p{margin:0;font-size:.85rem}
        .chart{display:block;width:100%;height:6.5rem;margin:.4rem 0 .15rem;border-bottom:1px solid var(--line)}
        .bar{fill:var(--bar)}.none{fill:transparent}g:hover .none{fill:var(--shade)}
        .axis{display:flex;justify-content:space-between;color:var(--soft)}
        table{width:100%;border-collapse:collapse;font-size:.92rem}
        caption{text-align:left;color:var(--soft);padding:0 0 .3rem}
        th{text-align:left;font-weight:600;color:var(--soft);font-size:.82rem}
        th,td{padding:.35rem .75rem .35rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
        tbody tr:last-child>*{border-bottom:0}
        th:last-child,td:last-child{padding-right:0}
        .n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
        .when{white-space:nowrap;overflow-wrap:normal;font-variant-numeric:tabular-nums;width:1%}
        .tag{white-space:nowrap;width:1%}
        .tag span{background:var(--shade);border-radius:5px;padding:.05rem .4rem;font-size:.82rem}
        .path{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.9em}
        details{margin-top:.35rem;font-size:.85rem}
        summary{cursor:pointer;color:var(--soft)}
        form{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end;margin:0 0 1rem}
        label{display:grid;gap:.15rem;font-size:.85rem;color:var(--soft);flex:1 1 12rem}
        input,select,button{font:inherit;color:var(--text);background:var(--page);border:1px solid var(--line);\
        border-radius:7px;padding:.4rem .6rem;min-width:0;width:100%;height:2.4rem}
        button{background:var(--ink);color:var(--card);border-color:var(--ink);font-weight:600;width:auto;cursor:pointer}
        @media(max-width:34rem){main,header,footer{padding-left:.6rem;padding-right:.6rem}section{padding:.85rem .8rem}\
        .state h2{font-size:1.25rem}.wide{display:none}.when{white-space:normal}\
        .rows thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;overflow:hidden;white-space:nowrap}\
        .rows tr{display:flex;flex-wrap:wrap;gap:.1rem .6rem;padding:.4rem 0;border-bottom:1px solid var(--line)}\
        .rows tr:last-child{border:0}.rows td{display:block;width:auto;padding:0;border:0}.rows .when{color:var(--soft)}\
        .rows td:not([class]){flex:1 1 100%}}

        """
}
