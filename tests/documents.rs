//! What the documents name exists: files and chapters that they link to, and the tests and scenarios of the threat model.

use std::collections::BTreeSet;
use std::fs;

use mta_sts_tests::{files_below, root};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    let files = files_below(root(), "md");
    assert!(files.len() > 20, "{files:?}");
    for file in &files {
        for link in links(&fs::read_to_string(file).expect("a document is text")) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, chapter) =
                link.split_once('#').map_or((&*link, None), |(path, chapter)| (path, Some(chapter)));
            let target = if path.is_empty() { file.clone() } else { file.with_file_name("").join(path) };
            let is_there = match chapter {
                None => target.exists(),
                Some(chapter) => {
                    fs::read_to_string(&target).is_ok_and(|text| chapters(&text).contains(chapter))
                }
            };
            if !is_there {
                faults.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Of the site, and of the page where readers begin.
#[test]
fn every_page_can_be_found() {
    let read = |name| fs::read_to_string(root().join("docs").join(name)).expect("a document is text");
    let (contents, beginning) = (links(&read("SUMMARY.md")), links(&read("README.md")));
    let unique: BTreeSet<_> = contents.iter().collect();
    assert_eq!(unique.len(), contents.len(), "a page of the site has one place: {contents:?}");
    let pages = files_below(&root().join("docs"), "md");
    let names = pages.iter().filter_map(|file| file.file_name()?.to_str());
    let missing: Vec<_> = names
        .filter(|name| !["SUMMARY.md", "README.md"].contains(name))
        .filter(|name| ![&contents, &beginning].iter().all(|links| links.iter().any(|link| link == name)))
        .collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md or docs/README.md: {missing:?}");
}

#[test]
fn the_threat_model_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("the threat model");
    let code: String = files_below(root(), "rs")
        .iter()
        .map(|file| fs::read_to_string(file).expect("code is text"))
        .collect();
    let steps = fs::read_to_string(root().join("tests/run")).expect("the steps");

    let mut counted = 0;
    let mut faults = Vec::new();
    let mut must = |what: &str, is_there: bool| {
        counted += 1;
        if !is_there {
            faults.push(what.to_owned());
        }
    };
    // The last column of each table, and the chapter about the code.
    for name in text.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 1) {
        must(name, code.contains(&format!("fn {name}(")));
    }
    for name in text.split('*').skip(1).step_by(2).filter(|name| name.contains('-') && !name.contains(' ')) {
        must(name, code.contains(&format!("name: \"{name}\"")));
    }
    for name in text.split("step \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        must(name, steps.contains(&format!("step \"{name}\"")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(counted > 60, "{counted}");
}

fn links(text: &str) -> Vec<String> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES);
    events
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            _ => None,
        })
        .collect()
}

/// The headings of a document, as links name them: in lower case, with hyphens for blanks, and without other signs.
fn chapters(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => found.extend(heading.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    let kept = text.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
                    heading.extend(
                        kept.flat_map(char::to_lowercase).map(|sign| if sign == ' ' { '-' } else { sign }),
                    );
                }
            }
            _ => {}
        }
    }
    found
}
