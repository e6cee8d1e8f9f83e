'use strict';

// Builds an element: element('p', {class: 'note'}, 'text', child...). Attributes that start with "on" are event listeners.
function element(tag, attributes = {}, ...children) {
  const result = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) result.addEventListener(name.slice(2), value);
    else if (value === true) result.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) result.setAttribute(name, value);
  }
  result.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return result;
}

