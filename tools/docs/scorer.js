// How the search ranks what it finds. As Sphinx has it, but a recipe key or a declaration of that very name comes first.
var Scorer = {
  objNameMatch: 110,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
