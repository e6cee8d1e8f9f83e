// Builds the page from top to bottom.

readColours();
buildVerdict();
buildPaper();
buildGraph();
buildStem();
buildScales();
buildGates();
buildAttribution();
buildWhatIf();
buildSimilar();
buildEpochs();
buildBackward();
buildKernels();
watchTheme();
paintFirst(() => { document.documentElement.dataset.painted = 'yes'; });
readAddress();
addEventListener('hashchange', readAddress);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && event.target === document.body) select({ time: null, node: null, position: null });
});
document.documentElement.dataset.ready = 'yes';
