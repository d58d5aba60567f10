// Draws every chart whose specification lies on the page. Nothing is fetched.
const small = window.innerWidth < 640;
for (const node of document.querySelectorAll('script[type="application/json"][data-chart]')) {
  const spec = JSON.parse(node.textContent);
  if (small) spec.config.legend.columns = 3;
  vegaEmbed('#' + node.dataset.chart, spec, {
    mode: 'vega-lite', renderer: 'svg', actions: {export: true, source: false, compiled: false, editor: false},
  }).catch(problem => { document.getElementById(node.dataset.chart).textContent = 'This chart failed: ' + problem; });
}
