//! What an operator may ask of phases.

use orket_core::asset::{Library, name};
use orket_core::phase::{Begun, Phase};
use orket_webhook::phases::{self as rows, PhaseError};
use orket_webhook::store::FILE_NAME;

use super::{CarryError, Phases, rules, seen};
use crate::assets::DiskThenEmbedded;

impl Phases {
    /// All phases, by rock.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn list(&self) -> Result<rows::Phases, CarryError> {
        if !self.is_there() {
            return Ok(rows::Phases::default());
        }
        Ok(rows::list(&self.store().await?).await?)
    }

    /// The latest phase of a rock, however its name is written.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn find(&self, rock: &str) -> Result<Phase, CarryError> {
        self.refuse_unless_there(rock)?;
        let store = self.store().await?;
        let rock = rows::spelt(&store, rock).await?;
        Ok(rows::find(&store, &rock).await?)
    }

    /// Starts the phase of a rock that there is. One that runs is left alone.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn start(&self, rock: &str, now_ms: i64) -> Result<Begun, CarryError> {
        let (parts, given) = (self.parts.clone(), rock.to_owned());
        let (rock, rules) = crate::blocking::blocking(move || {
            name::check(&given).map_err(PhaseError::Name)?;
            let library = Library::new(DiskThenEmbedded::new(&parts.root));
            let was_run = match &parts.reader {
                Some(reader) => reader.knows_rock(&given)?,
                None => false,
            };
            let rock = match seen::spelt(&library, &given) {
                Some(spelt) => spelt,
                None if was_run => given,
                None => {
                    let known: Vec<String> = library
                        .departments()
                        .iter()
                        .flat_map(|department| library.list("rocks", department))
                        .collect();
                    let hint = name::suggestion(&given, known.iter().map(String::as_str));
                    return Err(CarryError::NoRock { name: given, hint });
                }
            };
            Ok((rock, rules(&parts.root)?))
        })
        .await??;
        let store = self.store().await?;
        let begun = rows::start(&store, &rock, now_ms, &rules).await?;
        self.follow_up(&store, &rock).await?;
        Ok(begun)
    }

    /// Ends a phase as if its time were up.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn end(&self, rock: &str, now_ms: i64) -> Result<Phase, CarryError> {
        let phase = self.find(rock).await?;
        let looked = self.look(&phase, now_ms).await?;
        let store = self.store().await?;
        let rock = phase.rock_id;
        rows::end(&store, &rock, looked, now_ms).await?;
        self.follow_up(&store, &rock).await?;
        Ok(rows::find(&store, &rock).await?)
    }

    /// Ends a phase so that nothing follows.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn abort(
        &self,
        rock: &str,
        by: &str,
        reason: &str,
        now_ms: i64,
    ) -> Result<Phase, CarryError> {
        self.refuse_unless_there(rock)?;
        let store = self.store().await?;
        let rock = rows::spelt(&store, rock).await?;
        let phase = rows::abort(&store, &rock, by, reason, now_ms).await?;
        self.follow_up(&store, &rock).await?;
        Ok(phase)
    }

    /// Looking makes no database.
    fn is_there(&self) -> bool {
        self.parts.folder.join(FILE_NAME).exists()
    }

    fn refuse_unless_there(&self, rock: &str) -> Result<(), PhaseError> {
        if self.is_there() {
            Ok(())
        } else {
            Err(PhaseError::Unknown(rock.to_owned()))
        }
    }
}
