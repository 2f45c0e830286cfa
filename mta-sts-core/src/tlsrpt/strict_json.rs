//! JSON that programs write for programs: read member by member, and what is not as it should be is refused.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::json::{JsonReader, JsonText, Shape};

pub(super) struct StrictJson<'a> {
    json: JsonReader<'a>,
}

/// The reason for a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StrictFault {
    /// It is not JSON.
    Syntax,
    /// A member is missing, stands twice, or has another type.
    Member,
}

pub(super) type Read<T> = Result<T, StrictFault>;

/// The result for a member: its value was read, or its name is unknown.
pub(super) enum Known {
    Yes,
    No,
}

impl<'a> StrictJson<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { json: JsonReader::of_text(text) }
    }

    /// The current offset.
    pub(super) const fn offset(&self) -> usize {
        self.json.offset()
    }

    /// The whole text.
    pub(super) fn whole<T>(&mut self, value: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let value = value(self)?;
        if self.json.is_at_end() { Ok(value) } else { Err(StrictFault::Syntax) }
    }

    /// An object: `member` reads the value of each member whose name it knows; the others are passed over.
    pub(super) fn object(&mut self, member: &mut dyn FnMut(&mut Self, &str) -> Read<Known>) -> Read<()> {
        self.is_shape(Shape::Object)?;
        self.json.begin_object().map_err(syntax)?;
        while let Some(name) = self.json.next_member().map_err(syntax)? {
            if let Known::No = member(self, &decoded(name)?)? {
                self.json.skip().map_err(syntax)?;
            }
        }
        Ok(())
    }

    /// An array, whose elements `element` reads.
    pub(super) fn array(&mut self, element: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.is_shape(Shape::Array)?;
        self.json.begin_array().map_err(syntax)?;
        while self.json.next_element().map_err(syntax)? {
            element(self)?;
        }
        Ok(())
    }

    /// All elements of an array.
    pub(super) fn elements<T>(&mut self, read: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = Vec::new();
        self.array(&mut |json| {
            all.push(read(json)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// A text, borrowed where it has no escapes.
    pub(super) fn text(&mut self) -> Read<Cow<'a, str>> {
        self.is_shape(Shape::String)?;
        decoded(self.json.string().map_err(syntax)?)
    }

    /// A text, or nothing for null.
    pub(super) fn optional_text(&mut self) -> Read<Option<Cow<'a, str>>> {
        if self.is_null()? { Ok(None) } else { self.text().map(Some) }
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Read<T> {
        self.is_shape(Shape::Number)?;
        let number = self.json.number().map_err(syntax)?.parse::<u64>().ok();
        number.and_then(|number| number.try_into().ok()).ok_or(StrictFault::Member)
    }

    /// 0 or 1, or what JSON has for it.
    pub(super) fn flag(&mut self) -> Read<bool> {
        match self.json.shape().map_err(syntax)? {
            Shape::Number => match self.number::<u8>()? {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(StrictFault::Member),
            },
            Shape::Boolean if self.json.pass(b"true") => Ok(true),
            Shape::Boolean if self.json.pass(b"false") => Ok(false),
            Shape::Boolean => Err(StrictFault::Syntax),
            _ => Err(StrictFault::Member),
        }
    }

    /// Passes over null, if it stands here.
    pub(super) fn is_null(&mut self) -> Read<bool> {
        let is_null = self.json.shape().map_err(syntax)? == Shape::Null;
        if is_null {
            self.json.skip().map_err(syntax)?;
        }
        Ok(is_null)
    }

    fn is_shape(&mut self, shape: Shape) -> Read<()> {
        if self.json.shape().map_err(syntax)? == shape { Ok(()) } else { Err(StrictFault::Member) }
    }
}

/// Takes the value of a member that may stand once.
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Read<Known> {
    if place.replace(value).is_some() { Err(StrictFault::Member) } else { Ok(Known::Yes) }
}

fn syntax<E>(_: E) -> StrictFault {
    StrictFault::Syntax
}

fn decoded(text: JsonText<'_>) -> Read<Cow<'_, str>> {
    if let Some(text) = text.as_str(usize::MAX) {
        return Ok(text.into());
    }
    let decoded = text.decode(usize::MAX);
    if decoded.is_broken || decoded.has_control {
        return Err(StrictFault::Syntax);
    }
    Ok(decoded.text.into())
}
