//! What a run found, for people: a table on the terminal and a page for the browser.
