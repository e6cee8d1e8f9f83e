// Builds the page from top to bottom.

if (data.kind === 'compare') {
  buildRuns();
  buildComparison();
  buildRecipe();
} else {
  buildWatch();
}
buildCurves();
if (data.kind === 'watch') buildLayers();
buildScores();
document.getElementById('foot').append(data.live ? 'This page asks the program that serves it for news, and nobody else.' : 'This page is one file. It loads nothing and sends nothing.');
updateCharts();
document.documentElement.dataset.painted = 'yes';
if (data.live) follow();
