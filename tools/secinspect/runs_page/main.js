// Builds the page from top to bottom.

if (data.kind === 'compare') {
  buildRuns();
  buildComparison();
  buildRecipe();
}
buildCurves();
buildScores();
document.getElementById('foot').append('This page is one file. It loads nothing and sends nothing.');
updateCharts();
document.documentElement.dataset.painted = 'yes';
