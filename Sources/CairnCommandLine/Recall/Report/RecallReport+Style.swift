extension RecallReport {
    /// Plain on paper and on screens, light and dark. It must have no character that HTML escapes.
    static let style = """

        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1b2129; --soft: #59636f; --edge: #c4ccd5;
          --grid: #e8ecf0; --first: #0b57b8; --mark: #e9f2fd; --alarm: #8a3b00; --alarmed: #fff1e2;
          --series1: #b34700; --series2: #1c7a3a; --series3: #8a2d91; --series4: #7a6400; --series5: #b3123c; }
        @media screen and (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e6eaef; --soft: #9da8b5;
          --edge: #4b5560; --grid: #262d35; --first: #79b2ff; --mark: #1a2f4a; --alarm: #ffb77d; --alarmed: #3a2412;
          --series1: #ffae70; --series2: #6fd48f; --series3: #dfa0e6; --series4: #dcc454; --series5: #ff8fa6; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 48px; }
        h1 { font-size: 28px; line-height: 1.2; font-weight: 400; margin: 0 0 18px; overflow-wrap: anywhere; }
        h2 { font-size: 18px; margin: 40px 0 10px; }
        h3 { font-size: 16px; margin: 22px 0 6px; overflow-wrap: anywhere; }
        .banner { max-width: none; margin: 0 0 18px; padding: 10px 14px; color: var(--alarm); background: var(--alarmed);
          border-left: 4px solid var(--alarm); font-weight: 600; }
        .legend span { margin-right: 18px; font-weight: 600; overflow-wrap: anywhere; }
        .scroll { overflow-x: auto; }
        .narrow { display: none; }
        p { max-width: 75ch; color: var(--soft); }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: 6px 12px; border-bottom: 1px solid var(--grid); font-weight: 400; }
        thead th { color: var(--soft); font-size: 14px; line-height: 1.25; vertical-align: bottom;
          border-bottom: 1px solid var(--edge); }
        .answers { font-size: 18px; }
        .answers th:first-child { text-align: left; }
        .answers tbody th { font-weight: 600; }
        .answers .choice { font-weight: 700; font-size: 22px; color: var(--first); background: var(--mark);
          white-space: nowrap; }
        .answers .none td { color: var(--soft); text-align: left; }
        .rows { font-size: 14px; }
        .rows th, .rows td { padding: 5px 8px; }
        .rows thead th { font-size: 13px; }
        .rows tr.chosen td:first-child { font-weight: 700; color: var(--first); background: var(--mark); }
        svg { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif;
          font-variant-numeric: tabular-nums; }
        svg text { fill: var(--ink); }
        svg .soft { fill: var(--soft); }
        svg .strong { font-weight: 700; }
        svg .middle { text-anchor: middle; }
        svg .end { text-anchor: end; }
        .series0 { color: var(--first); }
        .series1 { color: var(--series1); }
        .series2 { color: var(--series2); }
        .series3 { color: var(--series3); }
        .series4 { color: var(--series4); }
        .series5 { color: var(--series5); }
        svg text[class^=series] { fill: currentColor; }
        svg line { stroke: var(--grid); stroke-width: 1; }
        svg .axis { stroke: var(--edge); stroke-width: 1.5; }
        svg .paper { stroke: var(--paper); stroke-width: 3; }
        svg .guide { stroke: var(--first); stroke-dasharray: 3 4; opacity: 0.75; }
        svg .guide.none { stroke: var(--soft); }
        svg .curve { stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
        svg .curve.dashed { stroke-dasharray: 7 4; }
        svg .curve.broken { stroke-dasharray: 2 6; }
        svg circle { fill: var(--paper); stroke: currentColor; stroke-width: 2; }
        svg circle.chosen { fill: currentColor; }
        .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 8px 28px; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 14px; margin: 0; align-content: start; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        pre { margin: 0; padding: 12px 14px; background: var(--grid); white-space: pre-wrap; overflow-wrap: anywhere; }
        @media screen and (max-width: 640px) { main { padding: 18px 12px 36px; } .wide { display: none; } .narrow { display: block; }
          .answers thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
          .answers tbody, .answers tr { display: block; } .answers tr { display: grid; padding: 8px 0;
          grid-template-columns: 1fr 1fr; border-bottom: 1px solid var(--edge); }
          .answers th, .answers td { text-align: left; padding: 3px 6px; border: 0; font-size: 16px; }
          .answers tbody th::before { content: 'recall '; font-weight: 400; color: var(--soft); }
          .answers td[data-head]::before { content: attr(data-head); display: block; font-size: 12px; color: var(--soft); }
          .rows th, .rows td { padding: 4px 5px; } .rows td:first-child, .rows th:first-child { position: sticky; left: 0;
          background: var(--paper); } }
        @media print { body { font-size: 12px; } main { padding: 0; max-width: none; } svg, tr, pre, dl { break-inside: avoid; }
          h2 { break-after: avoid; } * { print-color-adjust: exact; } }

        """
}
